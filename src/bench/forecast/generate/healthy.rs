//! Programs that never reach their limit, however much they look like it.
use super::super::{class::Class, rng::Rng};
use super::{
    HOUR, MINUTE,
    leaks::cap,
    life::{Ending, Noise, Plan, Program},
    part::Part,
    service,
};
use crate::domain::forecast::OwnerKind;

/// Draws a healthy program.
pub fn draw(class: Class, plan: &mut Plan, rng: &mut Rng) {
    // Where it lives, and how high it goes at most.
    let base = rng.between(0.15, 0.5);
    let top = rng.between(0.6, 0.93);
    let rise = top - base;
    // A short start-up, which every program has.
    let mut parts = vec![
        Part::Base { level: base * 0.5 },
        Part::Fill {
            size: base * 0.5,
            tau: rng.scale(20.0, 15.0 * MINUTE),
        },
    ];
    let mut ending = Ending::Never;
    let mut ceiling = f64::INFINITY;
    // Whether the recording begins with a new run.
    let mut fresh = rng.chance(0.5);
    match class {
        Class::Flat => parts.push(Part::Base {
            level: rng.between(0.0, 0.85 - base),
        }),
        Class::WarmUp => {
            fresh = true;
            parts.push(Part::Fill {
                size: rise,
                tau: rng.scale(10.0 * MINUTE, 50.0 * MINUTE),
            });
        }
        Class::CacheFill => {
            fresh = true;
            parts.push(Part::Fill {
                size: rise,
                tau: rng.between(1.0, 4.0) * HOUR,
            });
        }
        Class::CacheCap => {
            fresh = true;
            parts.push(Part::Ramp {
                after: 0.0,
                rate: rise / (rng.between(1.0, 7.0) * HOUR),
                most: rise,
            });
            plan.priors.cap = cap(rise * 1.06 * plan.limit, "--maxmemory");
        }
        Class::Gc => {
            let size = rise * rng.between(0.5, 1.0);
            parts.push(Part::Base { level: rise - size });
            parts.push(Part::Saw {
                size,
                period: rng.scale(3.0 * MINUTE, 90.0 * MINUTE),
                keep: rng.between(0.02, 0.4),
            });
            if rng.chance(0.5) {
                plan.priors.cap = cap(rise * 1.06 * plan.limit, "-Xmx");
            }
        }
        Class::Batch => {
            let every = rng.scale(0.7 * HOUR, 6.0 * HOUR);
            let lasts = every * rng.between(0.15, 0.6);
            if rng.chance(0.5) {
                parts.push(Part::Task {
                    every,
                    lasts,
                    size: rise,
                    phase: rng.unit(),
                });
            } else {
                // A CronJob: every run is a container of its own.
                plan.priors.owner = OwnerKind::Job;
                ending = Ending::Done {
                    lasts,
                    pause: every - lasts,
                };
                parts.push(Part::Ramp {
                    after: 0.0,
                    rate: rise / (lasts * rng.between(0.6, 0.9)),
                    most: rise,
                });
            }
        }
        Class::Daily | Class::Hourly => {
            let period = if class == Class::Daily {
                24.0 * HOUR
            } else {
                rng.scale(0.5 * HOUR, 3.0 * HOUR)
            };
            parts.push(Part::Cycle {
                size: rise,
                period,
                phase: rng.unit(),
            });
        }
        Class::NoisyHigh => {
            let level = rng.between(0.88, 0.94);
            parts.push(Part::Base {
                level: level - base,
            });
            ceiling = level;
            plan.noise = Noise {
                slow: (rng.between(0.004, 0.012), rng.scale(MINUTE, 15.0 * MINUTE)),
                fast: rng.between(0.002, 0.008),
                outlier: (rng.between(0.002, 0.01), 30.0 * MINUTE),
            };
        }
        Class::Redeploys => {
            ending = Ending::Redeployed(rng.scale(0.7 * HOUR, 5.0 * HOUR));
            parts.push(Part::Fill {
                size: rise,
                tau: rng.scale(5.0 * MINUTE, 60.0 * MINUTE),
            });
        }
        Class::Spiky => parts.push(Part::Peaks {
            every: rng.scale(20.0 * MINUTE, 4.0 * HOUR),
            lasts: rng.scale(30.0, 12.0 * MINUTE),
            size: rng.between(0.75, 0.96) - base,
        }),
        Class::LogGrowth => {
            fresh = true;
            let scale = rng.scale(2.0 * MINUTE, 40.0 * MINUTE);
            // It reaches its top after as long as the longest life that is recorded.
            let folds = super::super::rng::ln(1.0 + 96.0 * HOUR / scale);
            parts.push(Part::Log {
                size: rise / folds,
                scale,
            });
        }
        Class::PageCache => {
            plan.cache = (rng.between(0.9, 1.0), rng.scale(0.5 * HOUR, 5.0 * HOUR));
        }
        Class::StepUp => {
            for _ in 0..rng.pick(1, &[2]) {
                parts.push(once(plan, rise / 2.0, rng.between(5.0, 400.0), rng));
            }
        }
        Class::MemLimit => {
            fresh = true;
            ceiling = rng.between(0.86, 0.95);
            let room = ceiling - base;
            parts.push(Part::Ramp {
                after: 0.0,
                rate: room / (rng.between(0.7, 6.0) * HOUR),
                most: f64::INFINITY,
            });
            plan.noise.slow.0 = plan.noise.slow.0.min(0.006);
            plan.priors.cap = cap(ceiling * plan.limit, "GOMEMLIMIT");
        }
        Class::Backlog => {
            let mut backlog = once(plan, rise, rng.between(0.5, 2.5) * HOUR, rng);
            if let Part::Once { hold, fall, .. } = &mut backlog {
                *hold = rng.between(0.0, 20.0) * MINUTE;
                *fall = rng.between(0.2, 1.5) * HOUR;
            }
            parts.push(backlog);
        }
        Class::GrowthStops => {
            let long = rng.between(1.0, 5.0) * HOUR;
            parts.push(once(plan, rise, long, rng));
        }
        // One-shot ETL.
        _ => {
            fresh = true;
            let lasts = rng.between(1.0, 6.0) * HOUR;
            plan.priors.owner = OwnerKind::Job;
            ending = Ending::Done {
                lasts,
                pause: f64::INFINITY,
            };
            parts.push(Part::Ramp {
                after: 0.0,
                rate: rise / lasts,
                most: rise,
            });
        }
    }
    if class == Class::CacheCap {
        ceiling = top;
    }
    plan.after = Program {
        parts,
        ceiling,
        ending,
    };
    plan.before = plan.after.clone();
    if class == Class::Etl {
        // It never ran before, and the recording ends soon after it.
        plan.before = service(Vec::new());
        plan.history = 0.0;
    }
    plan.rollout = fresh.then_some(0.0);
}

/// A change that happens once, in the recording, and stays.
fn once(plan: &Plan, size: f64, rise: f64, rng: &mut Rng) -> Part {
    Part::Once {
        at: rng.between(0.1, 0.75) * plan.length,
        rise,
        hold: f64::INFINITY,
        fall: 1.0,
        size,
    }
}
