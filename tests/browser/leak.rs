//! The second half of the demo's story: a version that leaks, and a card before the kill.
use super::{DESK, Demo, PHONE, SECOND, STILL, button, card, confirms, is_sized, panel, picture};
use crate::support::chromium::{Page, installed};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_sees_a_leak_forecast_and_takes_it_back_before_the_kill() {
    let Some(browser) = installed() else { return };
    let demo = Demo::start(&[]).await;
    let mut page = Page::open(&browser).await;
    is_sized(&mut page, DESK).await;
    page.goes_to(&demo.url).await;

    let approve = button("search", "approve");
    page.until("a forecast with an offer", 200 * SECOND, &approve)
        .await;
    let words = page.value(&format!("{}.innerText", card("search"))).await;
    let words = words.as_str().unwrap();
    assert!(words.contains("will be OOM-killed"), "{words}");
    assert!(
        words.contains("kubectl rollout undo deployment/search"),
        "{words}"
    );
    let drawn = format!(
        "[...{}.querySelectorAll('img')].some((one) => one.complete && one.naturalWidth >= 900)",
        card("search")
    );
    page.until("its picture", 30 * SECOND, &drawn).await;
    if let Some(file) = picture("leak.png") {
        page.is_sized(PHONE.0, 1600, PHONE.2).await;
        page.until("the page to stand still", 10 * SECOND, STILL)
            .await;
        page.writes_picture(&file, Some(&card("search"))).await;
        is_sized(&mut page, DESK).await;
    }

    confirms(&mut page, &approve).await;
    page.until(
        "the card to turn green",
        120 * SECOND,
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
    assert_eq!(
        page.errors,
        Vec::<String>::new(),
        "the page logged no errors"
    );
    page.closes().await;
    assert_eq!(demo.interrupt().await.0, Some(0));
}
