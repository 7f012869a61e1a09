//! All that is followed of one workload.
use super::{
    SILENT_DAYS,
    finding::{Anomaly, Metric, Scale},
    habit::{Habit, Reading},
    restarts::{Restart, Restarts},
};
use serde::{Deserialize, Serialize};

/// What is usual for a workload. Some 4 KiB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Habits {
    cpu: Habit,
    memory: Habit,
    restarts: Restarts,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            cpu: Habit::new(Metric::Cpu),
            memory: Habit::new(Metric::Memory),
            restarts: Restarts::default(),
        }
    }
}

impl Habits {
    /// Takes the mean of the replicas in: CPU in cores where it is known, memory in bytes, each with what it is compared with.
    pub fn observe(&mut self, t: f64, cpu: Option<(f64, Scale)>, memory: Option<(f64, Scale)>) {
        self.restarts.watch(t);
        for (habit, reading) in [(&mut self.cpu, cpu), (&mut self.memory, memory)] {
            if let Some((level, scale)) = reading {
                habit.observe(&Reading { t, level, scale });
            }
        }
    }

    /// Whether too little is known of it to call anything unusual.
    pub fn lack_past(&self) -> bool {
        [&self.cpu, &self.memory]
            .iter()
            .any(|habit| habit.days_known() < SILENT_DAYS)
    }

    /// Takes a past in, oldest reading first, each as in [`Habits::observe`]. It takes the place of what was seen since, which is little:
    /// what has been watched for days stays.
    pub fn remember(
        &mut self,
        past: impl IntoIterator<Item = (f64, Option<(f64, Scale)>, Option<(f64, Scale)>)>,
    ) {
        let mut known = Self::default();
        for (t, cpu, memory) in past {
            known.observe(t, cpu, memory);
        }
        let pairs = [(&mut self.cpu, known.cpu), (&mut self.memory, known.memory)];
        for (habit, past) in pairs {
            if habit.days_known() < SILENT_DAYS.min(past.days_known()) {
                *habit = past;
            }
        }
    }

    /// A container restarted.
    pub fn restarted(&mut self, t: f64, reason: Restart) {
        self.restarts.observe(t, reason);
    }

    /// What is unusual now.
    pub fn assess(&mut self, now: f64) -> Vec<Anomaly> {
        let levels = [self.cpu.assess(now), self.memory.assess(now)];
        levels
            .into_iter()
            .chain([self.restarts.assess(now)])
            .flatten()
            .collect()
    }
}
