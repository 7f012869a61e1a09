//! From evidence to a probability: a logistic model on few features, each with a reason.

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
    /// Length of the history before the window.
    pub known: f64,
    /// Age of the run when growth began.
    pub onset: f64,
    /// Age of the run.
    pub age: f64,
    /// Runs killed in the last week.
    pub kills: f64,
    /// Growth is like that of a run that was killed.
    pub akin: bool,
    /// Effective number of increments.
    pub strides: f64,
    /// Kendall's τ.
    pub tau: f64,
    /// Falls inside the window.
    pub falls: f64,
    /// Largest fall seen, as a share of the limit.
    pub deepest: f64,
    /// Growth in the window as a share of the limit.
    pub rise: f64,
    /// The level is below what a cap of the program itself allows, and that is below the limit.
    pub capped: bool,
    /// The workload is meant to end.
    pub job: bool,
    /// Noise around the curve, share of the limit.
    pub noise: f64,
    /// Growth of the newest part relative to the whole window: one if it goes on, zero if it has come to rest.
    pub keeping: f64,
}

/// Number of features.
pub const FEATURES: usize = 26;

impl Evidence {
    /// The features of the model.
    pub fn features(&self) -> [f64; FEATURES] {
        let hours = |x: f64| (x / 3600.0).max(0.01);
        let margin = self.margin.unwrap_or(0.0);
        let flag = |b: bool| f64::from(u8::from(b));
        let first = flag(self.margin.is_none());
        let early = (-hours(self.onset) / 0.5).exp();
        let late = 1.0 - early;
        let level = (self.level - 0.8) * 10.0;
        [
            1.0,
            level,
            stopped_below(self.level),
            hours(self.eta).min(48.0).ln(),
            hours(self.span).min(48.0).ln(),
            self.bend.clamp(-1.5, 1.5),
            self.sigmas.max(1.0).ln().min(4.0),
            first,
            margin.clamp(-0.3, 0.3) * 10.0,
            (margin - 0.12).clamp(0.0, 1.0) * 3.0,
            late * (1.0 + hours(self.known)).ln(),
            late,
            early * first,
            late * stopped_below(self.level),
            first * stopped_below(self.level),
            flag(self.kills > 0.0),
            flag(self.akin),
            (self.strides / 12.0).min(1.5),
            (self.falls.min(4.0)) / 2.0,
            (self.deepest * 5.0).min(2.0),
            (self.rise * 5.0).min(3.0),
            flag(self.capped && self.kills == 0.0),
            flag(self.job && self.kills == 0.0),
            self.keeping.clamp(-0.3, 1.2),
            (self.keeping - 0.5).min(0.0),
            (0.25 / hours(self.eta).max(0.05)).ln().max(0.0),
        ]
    }

    /// The probability of a kill.
    pub fn probability(&self) -> f64 {
        let z: f64 = self
            .features()
            .iter()
            .zip(WEIGHTS)
            .map(|(f, w)| f * w)
            .sum();
        self.reach / (1.0 + (-z).exp())
    }
}

/// −ln of the share of bounded growth (a cache, a heap, a backlog) that would still be rising at this level: people size
/// what they bound to three quarters of the limit, give or take an eighth.
fn stopped_below(level: f64) -> f64 {
    let z = (level.min(1.0) - 0.75) / 0.11;
    // Logistic approximation of the normal distribution's tail.
    (1.0 + (1.702 * z).exp()).ln()
}

const WEIGHTS: [f64; FEATURES] = [
    -2.701, 0.277, 0.671, 0.372, 0.016, -0.148, 0.352, 1.403, 0.797, -0.066, 0.050, -1.619, -0.649,
    -0.277, 0.241, 2.679, 1.051, 0.212, 0.667, -0.954, -0.098, -1.507, -4.307, 1.596, 0.118,
    -0.130,
];
