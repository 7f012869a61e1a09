//! The demo as a visitor sees it: the real binary, its page in a real browser, and a mouse.
mod forecast;
mod leak;
mod troubles;

use crate::support::{
    chromium::{Page, installed},
    demo::Demo,
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Where pictures for the README go, when this run shall make them.
fn picture(name: &str) -> Option<PathBuf> {
    std::env::var_os("HEAL_TEST_PICTURES").map(|folder| Path::new(&folder).join(name))
}

const DESK: (u32, u32, u32) = (1280, 800, 1);
const PHONE: (u32, u32, u32) = (390, 844, 2);

/// From starting the program to a recovered workload: what the README says in "Try it in two minutes".
const TWO_MINUTES: Duration = Duration::from_secs(120);

/// The words of the card of a workload.
fn card(name: &str) -> String {
    format!(
        "[...document.querySelectorAll('#messages article.message:not(.ephemeral)')].find((one) => one.innerText.includes('shop/{name}'))"
    )
}

/// A button of that card.
fn button(name: &str, action: &str) -> String {
    format!("{}?.querySelector('[data-act={action}]')", card(name))
}

/// The panel of a workload.
fn panel(name: &str) -> String {
    format!(
        "[...document.querySelectorAll('.workload')].find((one) => one.querySelector('h4').innerText.endsWith('{name}'))"
    )
}

/// Nothing that changed just now is still highlighted.
const STILL: &str = "document.getAnimations().length === 0";

const YES: &str = "document.querySelector('#confirm[open] footer .btn:last-child')";

async fn chooses(page: &mut Page, person: &str) {
    let element = format!(
        "[...document.querySelectorAll('#users button')].find((one) => one.innerText.includes('{person}'))"
    );
    page.presses(&element).await;
}

/// Presses a button that asks back, and says yes.
async fn confirms(page: &mut Page, element: &str) {
    page.presses(element).await;
    page.until("the question whether one is sure", YES).await;
    page.presses(YES).await;
}

async fn causes(page: &mut Page, trouble: &str) {
    page.presses(&format!(
        "document.querySelector('.trouble[data-key={trouble}]')"
    ))
    .await;
}

/// Types a command into the message box and reads the answer, which only this person sees.
async fn asks(page: &mut Page, command: &str) -> String {
    let answers = "[...document.querySelectorAll('#messages .message.ephemeral')]";
    let before = page.value(&format!("{answers}.length")).await;
    page.types("document.getElementById('command')", command, true)
        .await;
    let newest = format!("{answers}.length > {before} && {answers}.at(-1).innerText");
    let answer = page.until("an answer", &newest).await;
    answer.as_str().unwrap().to_owned()
}

async fn is_sized(page: &mut Page, (width, height, dots): (u32, u32, u32)) {
    page.is_sized(width, height, dots).await;
}

/// The page has logged no errors; the browser and then the demo are ended. How long the demo's end took.
async fn end_well(page: Page, demo: Demo) -> Duration {
    assert_eq!(page.errors, Vec::<String>::new(), "the page logged errors");
    page.closes().await;
    let (code, took) = demo.interrupt().await;
    assert_eq!(code, Some(0));
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_approves_the_fix_of_the_story_and_sees_it_recover() {
    let Some(browser) = installed() else { return };
    let began = Instant::now();
    let demo = Demo::start(&[]).await;
    let mut page = Page::open(&browser).await;
    is_sized(&mut page, DESK).await;
    page.goes_to(&demo.url).await;

    let approve = button("checkout", "approve");
    page.until("a card with an offer", &approve).await;
    let words = page.value(&format!("{}.innerText", card("checkout"))).await;
    let words = words.as_str().unwrap();
    assert!(
        words.contains("FATAL: required setting PAYMENT_URL is not set"),
        "{words}"
    );
    assert!(
        words.contains("kubectl rollout undo deployment/checkout"),
        "{words}"
    );
    page.until(
        "the chapter that asks for a decision",
        "document.getElementById('story-title').innerText === 'Your decision'",
    )
    .await;
    fits_on_a_phone(&mut page).await;

    chooses(&mut page, "Ivan").await;
    confirms(&mut page, &approve).await;
    let refusal = page
        .until(
            "the refusal",
            "document.querySelector('#messages .message.ephemeral')?.innerText",
        )
        .await;
    assert!(refusal.as_str().unwrap().contains("may not"), "{refusal}");

    chooses(&mut page, "Olivia").await;
    let ephemerals = "document.querySelectorAll('#messages .ephemeral').length";
    assert_eq!(
        page.value(ephemerals).await,
        json!(0),
        "only Ivan sees what Ivan was told"
    );
    if let Some(file) = picture("demo.png") {
        let crashing = format!(
            "{}.querySelector('.pod[data-state=bad]')",
            panel("checkout")
        );
        page.until(
            "the panel to say so, too",
            &format!("{crashing} && {STILL}"),
        )
        .await;
        page.writes_picture(&file, None).await;
    }
    confirms(&mut page, &approve).await;
    page.until("the buttons to go", &format!("!{approve}"))
        .await;
    page.until(
        "the card to turn green",
        &format!("{}.innerText.includes('✅ Recovered')", card("checkout")),
    )
    .await;
    assert!(
        began.elapsed() < TWO_MINUTES,
        "the README promises two minutes; it took {:?}",
        began.elapsed()
    );
    page.until(
        "checkout to be whole, on the third revision",
        &format!(
            "/3\\/3 ready[^]*revision 3/.test({}.innerText)",
            panel("checkout")
        ),
    )
    .await;
    // The card of the second half may be there by now.
    page.until(
        "the second half of the story",
        "['5 of 8', '6 of 8'].includes(document.getElementById('story-count').innerText)",
    )
    .await;
    pictures_the_end(&mut page).await;
    let took = end_well(page, demo).await;
    assert!(took < Duration::from_secs(2), "Ctrl-C took {took:?}");
}

/// At the width of a phone nothing is cut off sideways, and buttons are as high as a thumb needs.
async fn fits_on_a_phone(page: &mut Page) {
    is_sized(page, PHONE).await;
    let sideways = page
        .value("document.documentElement.scrollWidth > innerWidth || document.getElementById('scroll').scrollWidth > innerWidth")
        .await;
    assert_eq!(sideways, json!(false), "the page is wider than the phone");
    let lowest = page
        .value(&format!(
            "Math.min(...[...{}.querySelectorAll('.btn')].map((one) => one.offsetHeight))",
            card("checkout")
        ))
        .await;
    assert!(
        lowest.as_f64() >= Some(40.0),
        "a button is only {lowest} pixels high"
    );
    if let Some(file) = picture("card.png") {
        // High enough for the whole card, so that the picture shows what the phone shows while scrolling.
        page.is_sized(PHONE.0, 1600, PHONE.2).await;
        page.until("the page to stand still", STILL).await;
        page.writes_picture(&file, Some(&card("checkout"))).await;
    }
    is_sized(page, DESK).await;
}

async fn pictures_the_end(page: &mut Page) {
    if let Some(file) = picture("recovered.png") {
        page.is_sized(1440, 800, 1).await;
        page.presses("document.querySelector('.replies')").await;
        page.until(
            "the thread",
            "document.querySelector('#thread:not([hidden]) .message:nth-of-type(4)')",
        )
        .await;
        page.until("the page to stand still", STILL).await;
        page.writes_picture(&file, None).await;
        page.presses("document.getElementById('thread-close')")
            .await;
        is_sized(page, DESK).await;
    }
}
