//! The picture of a forecast, from the upload to the card.
use super::bench::{Bench, at, incident};
use crate::{
    domain::{
        family::Family,
        forecast::{Outlook, When},
        incident::{Incident, IncidentId},
        recovery::Verdict,
    },
    ports::Delivered,
    sim::slack::{Fault, Message},
    slack::render::sample,
};
use std::time::Duration;

const UPLOAD: &str = "files.getUploadURLExternal";
const SHARE: &str = "files.completeUploadExternal";

/// An incident about a forecast of that minute, with the kill at that minute.
fn forecast(minute: i64, kill: i64) -> Incident {
    let when = |minute: i64| at(60 * minute);
    Incident {
        family: Family::Forecast,
        forecast: Some(Box::new(Outlook {
            at: when(minute),
            when: Some(When {
                earliest: when(kill - 30),
                median: when(kill),
                latest: when(kill + 60),
            }),
            ..sample::outlook()
        })),
        ..incident(1)
    }
}

/// The file that a card shows.
fn shown(card: &Message) -> Option<String> {
    let image = card.blocks.iter().find(|block| block["type"] == "image")?;
    Some(image["slack_file"]["id"].as_str().unwrap().to_owned())
}

/// What is stored of the picture.
fn kept(bench: &Bench) -> Vec<(IncidentId, String, String)> {
    let kept = bench.log.iter().filter_map(|delivered| match delivered {
        Delivered::Kept {
            incident,
            slot,
            value,
        } => Some((*incident, slot.clone(), value.clone())),
        _ => None,
    });
    kept.collect()
}

#[tokio::test(start_paused = true)]
async fn the_card_comes_first_and_then_the_picture_in_the_thread_and_on_the_card() {
    let mut bench = Bench::new();
    bench
        .sim
        .fail(Some("upload"), Fault::Hang(Duration::from_secs(3)), 1);
    bench.card(&forecast(0, 110));
    bench.pass(1.0).await;
    let card = bench.top().remove(0);
    assert_eq!(shown(&card), None, "the card does not wait for it");
    bench.pass(10.0).await;
    let card = bench.top().remove(0);
    let file = bench.sim.files().remove(0);
    assert_eq!(shown(&card), Some(file.id.clone()));
    assert_eq!(file.shared, Some(("C0OPS".into(), Some(card.ts))));
    assert!(file.content.unwrap().starts_with(b"\x89PNG"));
    assert_eq!(file.title, "Memory of shop/checkout, 08:00 UTC");
    let median = at(6_600).as_second();
    let slot = format!("{} {} {median}", file.id, at(0).as_second());
    assert_eq!(kept(&bench), [(IncidentId(1), "picture".into(), slot)]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_uploads_nothing_again() {
    let mut bench = Bench::new();
    bench.card(&forecast(0, 110));
    bench.pass(10.0).await;
    let posted = bench.posted(1);
    bench.kill().await;
    bench.slots = kept(&bench);
    bench.start();
    bench.card_at(&forecast(0, 110), posted);
    bench.pass(100.0).await;
    assert_eq!(bench.calls(UPLOAD), 1);
    assert_eq!(bench.calls("chat.update"), 1, "the card shows it already");
}

#[tokio::test(start_paused = true)]
async fn a_new_picture_comes_when_the_forecast_moved_and_the_old_one_stays_in_the_thread() {
    let mut bench = Bench::new();
    for (minute, kill, pictures) in [
        (0, 110, 1),
        (3, 111, 1),
        (5, 70, 2),
        (6, 69, 2),
        (25, 70, 3),
    ] {
        bench.card(&forecast(minute, kill));
        bench.pass(20.0).await;
        assert_eq!(bench.sim.files().len(), pictures, "minute {minute}");
    }
    let files = bench.sim.files();
    assert!(files.iter().all(|file| file.shared.is_some()));
    let card = bench.top().remove(0);
    assert_eq!(shown(&card), files.last().map(|file| file.id.clone()));
}

#[tokio::test(start_paused = true)]
async fn while_slack_does_not_know_the_file_yet_the_card_is_shown_without() {
    let mut bench = Bench::with(|options| options.files_ready_after = Duration::from_secs(5));
    bench.card(&forecast(0, 110));
    bench.pass(4.0).await;
    assert_eq!(shown(&bench.top()[0]), None);
    assert!(bench.top()[0].blocks.len() > 2, "and not as bare text");
    bench.pass(20.0).await;
    assert!(shown(&bench.top()[0]).is_some());
    assert_eq!(bench.sim.files().len(), 1);
    assert!(bench.count("slack_pictures_held", "chat.update") > 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_slack_never_takes_is_given_up_and_the_card_stays_complete() {
    let mut bench = Bench::with(|options| options.files_ready_after = Duration::from_secs(86_400));
    bench.card(&forecast(0, 110));
    bench.pass(600.0).await;
    let (updates, uploads) = (bench.calls("chat.update"), bench.calls(UPLOAD));
    bench.pass(3_600.0).await;
    assert_eq!(
        (bench.calls("chat.update"), bench.calls(UPLOAD)),
        (updates, uploads)
    );
    assert_eq!((uploads, shown(&bench.top()[0])), (1, None));
}

#[tokio::test(start_paused = true)]
async fn without_the_scope_cards_are_complete_in_words_and_status_says_what_is_missing() {
    let mut bench = Bench::with(|options| {
        options.scopes = vec!["chat:write".into(), "channels:history".into()];
    });
    bench.card(&forecast(0, 110));
    bench.pass(100.0).await;
    assert_eq!((bench.top().len(), bench.calls(UPLOAD)), (1, 1));
    let said = bench.trouble.as_ref().unwrap().borrow().clone();
    insta::assert_snapshot!(said.unwrap(), @"forecasts have no picture: the scope files:write is missing; their cards are complete without");
    bench.card(&super::bench::incident(2));
    bench.pass(100.0).await;
    assert_eq!(bench.top().len(), 2, "nothing else is held up");
    assert!(bench.trouble.as_ref().unwrap().borrow().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_fails_is_tried_again() {
    for (step, times) in [(UPLOAD, 2), ("upload", 2), (SHARE, 1)] {
        let mut bench = Bench::new();
        bench.sim.fail(Some(step), Fault::Status(503), times);
        bench.card(&forecast(0, 110));
        bench.pass(30.0).await;
        assert!(shown(&bench.top()[0]).is_some(), "{step}");
        assert!(bench.trouble.as_ref().unwrap().borrow().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_uploaded_for_what_is_over_or_in_a_digest() {
    let mut bench = Bench::new();
    let mut over = super::bench::closed(1, Verdict::Recovered);
    over.forecast = forecast(0, 110).forecast;
    bench.card(&over);
    for id in 2..12 {
        bench.card(&Incident {
            id: IncidentId(id),
            ..forecast(0, 110)
        });
    }
    bench.pass(60.0).await;
    assert_eq!(bench.calls(UPLOAD), 0);
}
