//! What speaks for a kill and against it, as the forecaster sees it at one moment, and the numbers that the posterior weighs.

/// What speaks for and against a kill. Levels are shares of the limit, times are seconds at pace 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Level with its crests.
    pub level: f64,
    /// Median time to the limit.
    pub eta: f64,
    /// Probability of passage within the horizon if growth goes on.
    pub reach: f64,
    /// Length of the window.
    pub span: f64,
    /// Slope in standard deviations.
    pub sigmas: f64,
    /// ln(late slope / early slope), shrunk.
    pub bend: f64,
    /// Level divided by the highest level survived, less one; `None` when nothing is known.
    pub margin: Option<f64>,
    /// That level was survived by a run that has ended, or is held by a sibling: not by this run alone.
    pub vouched: bool,
    /// Length of the history before the window.
    pub known: f64,
    /// Age of the run when growth began.
    pub onset: f64,
    /// Runs killed in the last week.
    pub kills: f64,
    /// Growth is like that of a run that was killed.
    pub akin: bool,
    /// A run that began as this one does, in a pod that still is there, was killed: the same will happen.
    pub again: bool,
    /// Falls inside the window.
    pub falls: f64,
    /// Largest fall seen, as a share of the level that it fell from.
    pub deepest: f64,
    /// Growth in the window as a share of the level now.
    pub rise: f64,
    /// Where a cap of the program itself is expected to stop it, as a share of the limit, if that is below the limit.
    pub ceiling: Option<f64>,
    /// The workload is meant to end.
    pub job: bool,
    /// Growth of the newest part relative to the whole window: one if it goes on, zero if it has come to rest.
    pub keeping: f64,
    /// How long the scraper was out during the growth or shortly before it: what went on then is not known.
    pub hidden: f64,
    /// Median time to the limit if it goes on as it did in the whole life of this run.
    pub lifelong: f64,
    /// Logarithms of the 5 % and the 95 % quantile of the time to the limit, relative to the median.
    pub tails: (f64, f64),
    /// Kendall's τ of level and time.
    pub tau: f64,
    /// Effective number of positive increments: one or two for a step.
    pub strides: f64,
    /// Noise around the curve, as a share of the rise.
    pub noise: f64,
    /// What growth does by chance over the window, as a share of the rise.
    pub chance: f64,
    /// Growth of the newest quarter relative to the whole window, as it is measured.
    pub recent: f64,
    /// The slowest and the fastest growth of shorter windows, relative to the whole one; `None` without such windows.
    pub shorter: Option<(f64, f64)>,
}

/// Number of features.
pub const FEATURES: usize = 29;

/// In which direction a feature may move the probability: 1 up, -1 down, 0 either. What is known of a feature's meaning must hold
/// for every container, also where no recording taught it.
pub const DIRECTIONS: [i8; FEATURES] = [
    1, -1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, -1, 0, 1, 1, 0, 0, 0, -1, 0, 0, 0, 0, 1, 1, 0,
];

impl Evidence {
    /// The features of the model, all bounded: what is beyond a bound says nothing more.
    pub fn features(&self) -> [f32; FEATURES] {
        let hours = |x: f64, most: f64| (x / 3600.0).clamp(0.0, most);
        let flag = |b: bool| f64::from(u8::from(b));
        let trust = self.trust();
        let onset = hours(self.onset, 4.0);
        let ceiling = self.ceiling.filter(|_| self.kills == 0.0);
        [
            self.level.min(1.1),
            hours(self.eta, 12.0),
            self.reach,
            hours(self.span, 8.0),
            self.sigmas.min(40.0),
            self.bend.clamp(-4.0, 4.0),
            self.margin.map_or(1.0, |m| m.clamp(-1.0, 1.0)),
            flag(self.vouched),
            trust,
            // Without a history, growth that sets in late is no start-up. With one, it may be a backlog.
            if trust < 0.5 { onset } else { 0.0 },
            if trust < 0.5 { -1.0 } else { onset },
            self.kills.min(2.0),
            flag(self.akin),
            self.falls.min(4.0),
            self.deepest.min(0.5),
            self.rise.min(1.0),
            // How far below the limit, and where, it is expected to stop: a cap that is passed stops nothing.
            ceiling.map_or(0.5, |c| (self.level / c - 1.0).clamp(-0.5, 0.3)) - flag(self.job),
            self.keeping.clamp(-0.5, 1.5),
            // Growth per hour: seconds make a step, minutes a leak, hours a backlog.
            (self.rise / hours(self.span, 1e6).max(0.01)).clamp(0.0, 10.0),
            // Growth that was slower before: a backlog has that, and a leak that sets in late.
            (self.eta.max(60.0) / self.lifelong.max(60.0))
                .ln()
                .clamp(-4.0, 4.0),
            self.tails.0.clamp(-4.0, 0.0),
            self.tails.1.clamp(0.0, 4.0),
            self.tau,
            self.strides.min(24.0),
            self.noise.min(1.0),
            self.chance.min(3.0),
            self.recent.clamp(-0.5, 3.0),
            self.shorter.map_or(1.0, |s| s.0.clamp(-2.0, 3.0)),
            self.shorter.map_or(1.0, |s| s.1.clamp(-2.0, 3.0)),
        ]
        .map(|x| x as f32)
    }

    /// How far what was survived tells what is usual, from 0 to 1: a day is a history, the first minutes of a first run are none.
    fn trust(&self) -> f64 {
        if self.margin.is_some() {
            1.0 - (-self.known / (6.0 * 3600.0)).exp()
        } else {
            0.0
        }
    }
}
