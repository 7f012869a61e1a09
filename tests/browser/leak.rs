//! The second half of the demo's story: a version that leaks, a card before the kill, and the score.
use super::{DESK, PHONE, STILL, asks, button, card, confirms, end_well, is_sized, panel, picture};
use crate::support::{
    chromium::{Page, installed},
    demo::Demo,
};
use serde_json::json;

/// Whether so many chapters of the second half are told.
fn chapters(told: usize) -> String {
    format!(
        "[...document.querySelectorAll('#story-steps li')].slice(4).filter((one) => one.className === 'done').length === {told}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_sees_a_leak_forecast_and_takes_it_back_before_the_kill() {
    let Some(browser) = installed() else { return };
    let demo = Demo::start(&[]).await;
    let mut page = Page::open(&browser).await;
    is_sized(&mut page, DESK).await;
    page.goes_to(&demo.url).await;

    let approve = button("search", "approve");
    page.until("a forecast with an offer", &approve).await;
    let words = page.value(&format!("{}.innerText", card("search"))).await;
    let words = words.as_str().unwrap();
    assert!(words.contains("will be OOM-killed"), "{words}");
    assert!(
        words.contains("kubectl rollout undo deployment/search"),
        "{words}"
    );
    page.until("the leak's own chapter", &chapters(1)).await;
    let drawn = format!(
        "[...{}.querySelectorAll('img')].some((one) => one.complete && one.naturalWidth >= 900)",
        card("search")
    );
    page.until("its picture", &drawn).await;
    if let Some(file) = picture("leak.png") {
        page.is_sized(PHONE.0, 1600, PHONE.2).await;
        page.until("the page to stand still", STILL).await;
        page.writes_picture(&file, Some(&card("search"))).await;
        is_sized(&mut page, DESK).await;
    }

    confirms(&mut page, &approve).await;
    page.until(
        "the card to turn green",
        &format!("{}.innerText.includes('No kill in sight')", card("search")),
    )
    .await;
    let killed = page
        .value(&format!(
            "{}.innerText.includes('OOMKilled')",
            panel("search")
        ))
        .await;
    assert_eq!(killed, json!(false), "no pod of search was killed");
    page.until("the chapter of the proof", &chapters(3)).await;
    let said = asks(&mut page, "/heal forecast").await;
    for part in [
        "The last 30 days",
        "0 wrong",
        "because an approved fix prevented the kill",
        "No kill came.",
        "Memory figures: Prometheus",
    ] {
        assert!(said.contains(part), "“{part}” is missing in {said}");
    }
    page.until("the end of the story", &chapters(4)).await;
    end_well(page, demo).await;
}
