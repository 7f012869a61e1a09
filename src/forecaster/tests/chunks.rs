//! The past in pieces: of a source that finds them too large, and is away for a while.
use super::super::past::{Wish, ask};
use crate::ports::{PastPoint, PastRun, Readings, Span, UsageError, UsageSource};
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

const STEP: i64 = 300;

/// Answers with one run that has a point at each step, unless the script says otherwise.
struct Scripted {
    refusals: Mutex<Vec<Option<UsageError>>>,
    /// First and last step of each question.
    asked: Mutex<Vec<(i64, i64)>>,
}

impl UsageSource for Scripted {
    fn read(&self) -> BoxFuture<'_, Result<Readings, UsageError>> {
        Box::pin(async { Err(UsageError::Away("only the past is here".to_owned())) })
    }

    fn past(&self, span: Span) -> BoxFuture<'_, Result<Vec<PastRun>, UsageError>> {
        let steps = (span.from / STEP, span.to / STEP);
        self.asked.lock().unwrap().push(steps);
        let refusal = self.refusals.lock().unwrap().pop().flatten();
        let point = |step: i64| PastPoint {
            t: (step * STEP) as f64,
            mean: 1.0,
            max: 1.0,
            cpu: None,
        };
        let run = PastRun {
            pod: "web-1".to_owned(),
            container: "app".to_owned(),
            run: "r".to_owned(),
            points: (steps.0..=steps.1).map(point).collect(),
        };
        let answer = refusal.map_or(Ok(vec![run]), Err);
        Box::pin(async move { answer })
    }

    fn has_past(&self) -> bool {
        true
    }
}

/// What is asked of a namespace that is so large that its past comes in pieces of forty steps, and what is found.
async fn asks(
    mut refusals: Vec<Option<UsageError>>,
) -> (Vec<(i64, i64)>, usize, Option<UsageError>) {
    refusals.reverse();
    let source = Arc::new(Scripted {
        refusals: Mutex::new(refusals),
        asked: Mutex::default(),
    });
    let wish = Wish {
        namespace: "shop".to_owned(),
        from: 0,
        to: 34 * STEP,
        step: STEP,
        containers: 2_500,
    };
    let (sink, mut found) = mpsc::channel(1);
    tokio::spawn(ask(source.clone(), vec![wish], sink));
    let found = found.recv().await.unwrap();
    let points = found.runs.iter().flat_map(|run| &run.points);
    let times: Vec<i64> = points.map(|point| point.t as i64 / STEP).collect();
    assert!(
        times
            .iter()
            .enumerate()
            .all(|(at, step)| at as i64 == *step),
        "{times:?}"
    );
    let asked = source.asked.lock().unwrap().clone();
    (asked, times.len(), found.error)
}

#[tokio::test(start_paused = true)]
async fn pieces_that_are_too_large_are_halved_and_what_is_away_is_asked_again() {
    let too_much = || Some(UsageError::TooMuch("too many samples".to_owned()));
    let away = || Some(UsageError::Away("503".to_owned()));
    let (asked, points, error) = asks(vec![too_much(), too_much(), None, away()]).await;
    assert_eq!(
        asked,
        [
            (0, 34),
            (0, 19),
            (0, 9),
            (10, 19),
            (10, 19),
            (20, 29),
            (30, 34)
        ]
    );
    assert_eq!((points, error), (35, None), "one run, in one piece");
}

#[tokio::test(start_paused = true)]
async fn what_was_found_before_the_source_went_away_is_kept() {
    let away = || Some(UsageError::Away("503".to_owned()));
    let too_much = || Some(UsageError::TooMuch("too many samples".to_owned()));
    let (_, points, error) = asks(vec![too_much(), None, away(), away(), away()]).await;
    assert_eq!(points, 20);
    assert_eq!(error, Some(UsageError::Away("503".to_owned())));
}
