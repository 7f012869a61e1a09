//! Programs that reach their limit. Before their faulty release there was a healthy one.
use super::super::{
    class::Class,
    rng::{Rng, ln},
};
use super::{
    HOUR, MINUTE,
    life::{Noise, Plan},
    part::Part,
    service,
};
use crate::domain::forecast::Cap;

/// Draws a leaking, spiking or censored program.
pub fn draw(class: Class, plan: &mut Plan, rng: &mut Rng) {
    let base = rng.between(0.12, 0.5);
    let mut sound = vec![
        Part::Base { level: base * 0.6 },
        Part::Fill {
            size: base * 0.4,
            tau: rng.scale(2.0 * MINUTE, 30.0 * MINUTE),
        },
    ];
    let room = 1.0 - base;
    let rollout = if rng.chance(0.65) {
        0.0
    } else {
        rng.between(0.4, 2.5) * HOUR
    };
    if matches!(class, Class::Slow | Class::DailyLeak) {
        plan.length = rng.between(16.0, 24.0) * HOUR;
    }
    let left = plan.length - rollout;
    // Time from the start of the leak to the kill; everything below fits into the recording.
    let mut life = rng.between((2.5 * HOUR).min(0.5 * left), 0.88 * left);
    let mut leak = Vec::new();
    let ramp = |after: f64, life: f64| Part::Ramp {
        after,
        rate: room / life,
        most: f64::INFINITY,
    };
    match class {
        Class::Linear => leak.push(ramp(0.0, life)),
        Class::Slow => leak.push(ramp(0.0, left * rng.between(0.6, 0.9))),
        Class::Fast => {
            plan.kills = rng.pick(1, &[1, 2, 3]);
            let after = rng.between(0.3 * HOUR, 0.6 * left);
            leak.push(ramp(after, rng.between(10.0, 45.0) * MINUTE));
        }
        Class::Late => {
            let after = left * rng.between(0.2, 0.6);
            life = rng.between(1.2 * HOUR, (6.0 * HOUR).min(0.9 * (left - after)));
            leak.push(ramp(after, life));
        }
        Class::Accelerating => leak.push(Part::Power {
            after: 0.0,
            span: life.max(3.0 * HOUR).min(0.9 * left),
            rise: room,
            power: rng.between(1.6, 3.5),
        }),
        Class::Steps => {
            let jumps = rng.between(8.0, 30.0);
            leak.push(Part::Steps {
                after: 0.0,
                every: life / jumps,
                size: room / jumps,
            });
        }
        Class::GcLeak => {
            let size = room * rng.between(0.12, 0.4);
            let saw = Part::Saw {
                size,
                period: rng.scale(3.0 * MINUTE, 30.0 * MINUTE),
                keep: rng.between(0.02, 0.3),
            };
            sound.push(saw);
            leak.push(Part::Ramp {
                after: 0.0,
                rate: (room - size) / life,
                most: f64::INFINITY,
            });
            // A heap cap at or above the limit protects from nothing.
            if rng.chance(0.3) {
                plan.priors.cap = cap(plan.limit * rng.between(1.0, 2.0), "-Xmx");
            }
        }
        Class::DailyLeak => {
            let size = rng.between(0.05, 0.16).min(0.5 * room);
            sound.push(Part::Cycle {
                size,
                period: 24.0 * HOUR,
                phase: rng.unit(),
            });
            leak.push(Part::Ramp {
                after: 0.0,
                rate: (room - 0.5 * size) / life.max(5.0 * HOUR).min(0.85 * left),
                most: f64::INFINITY,
            });
        }
        Class::Traffic => {
            let period = rng.pick(24.0, &[12.0, 8.0, 4.0]) * HOUR;
            leak.push(Part::Traffic {
                after: 0.0,
                rate: room / life.max(4.0 * HOUR).min(0.8 * left),
                swing: rng.between(0.5, 0.95),
                period,
                phase: rng.unit(),
            });
        }
        Class::NoisyLeak => {
            plan.noise = Noise {
                slow: (
                    rng.between(0.015, 0.045),
                    rng.scale(2.0 * MINUTE, 15.0 * MINUTE),
                ),
                fast: rng.between(0.005, 0.02),
                outlier: (rng.between(0.01, 0.04), 20.0 * MINUTE),
            };
            leak.push(ramp(0.0, life));
        }
        Class::Decelerating => {
            // It would end at `size`, which is beyond the room; the kill comes after ln(size / (size − room)) time constants.
            let share = rng.between(1.2, 1.8);
            let constants = ln(0.95 * share / (0.95 * share - 1.0));
            leak.push(Part::Fill {
                size: room * share,
                tau: left * rng.between(0.3, 0.85) / constants,
            });
        }
        Class::CrashLoop => {
            plan.kills = 2 + (rng.unit() * 4.0) as u32;
            leak.push(ramp(0.0, rng.between(15.0, 90.0) * MINUTE));
        }
        Class::CacheLeak => {
            plan.cache = (rng.between(0.85, 1.0), rng.scale(0.2 * HOUR, 2.0 * HOUR));
            leak.push(ramp(0.0, life));
        }
        Class::Spike => {
            match rng.pick(0, &[1, 2]) {
                0 => sound.push(Part::Saw {
                    size: rng.between(0.05, 0.3) * room,
                    period: rng.scale(5.0 * MINUTE, 40.0 * MINUTE),
                    keep: rng.between(0.02, 0.3),
                }),
                1 => sound.push(Part::Cycle {
                    size: rng.between(0.05, 0.3) * room,
                    period: rng.between(1.0, 24.0) * HOUR,
                    phase: rng.unit(),
                }),
                _ => {}
            }
            leak.push(Part::Once {
                at: plan.length * rng.between(0.3, 0.95),
                rise: rng.between(1.0, 4.0),
                // Over before the restart.
                hold: 5.0,
                fall: 0.1,
                size: 1.0,
            });
        }
        // Two to six days: what is left of the limit when the recording ends is far more than four hours.
        _ => leak.push(ramp(0.0, rng.between(50.0, 150.0) * HOUR)),
    }
    // Memory that grows outside of the heap is not held by the heap's cap.
    if plan.priors.cap.is_none() && rng.chance(0.08) {
        plan.priors.cap = cap(plan.limit * rng.between(0.5, 0.8), "-Xmx");
    }
    plan.rollout = Some(rollout);
    plan.before = service(sound.clone());
    sound.extend(leak);
    plan.after = service(sound);
}

/// A cap as it is written in a pod's template.
pub fn cap(bytes: f64, flag: &str) -> Option<Cap> {
    let mebibytes = (bytes / 1024.0 / 1024.0).round();
    let written = match flag {
        "-Xmx" => format!("-Xmx{mebibytes}m"),
        "GOMEMLIMIT" => format!("GOMEMLIMIT={mebibytes}MiB"),
        _ => format!("--maxmemory {mebibytes}mb"),
    };
    Some(Cap {
        bytes: mebibytes * 1024.0 * 1024.0,
        written,
    })
}
