//! The demo's other buttons, and what else a visitor can do: dismiss, ask, and be left in peace.
use super::{DESK, asks, button, card, causes, chooses, confirms, end_well, is_sized, panel};
use crate::support::{
    chromium::{Page, installed},
    demo::Demo,
};
use serde_json::json;

/// Waits for the offer on the card of a workload, which says all of this.
async fn offers(page: &mut Page, name: &str, parts: &[&str]) {
    page.until(&format!("an offer for {name}"), &button(name, "approve"))
        .await;
    let words = page.value(&format!("{}.innerText", card(name))).await;
    let words = words.as_str().unwrap();
    for part in parts {
        assert!(words.contains(part), "“{part}” is missing in {words}");
    }
}

/// Dismisses the offer in the dialog that asks why.
async fn dismisses(page: &mut Page, name: &str, why: &str, comment: &str) {
    page.presses(&button(name, "dismiss")).await;
    let dialog = "document.querySelector('#modal[open]')";
    page.until(
        "the dialog",
        &format!("{dialog}?.innerText.includes('Dismiss this fix')"),
    )
    .await;
    page.presses(&format!(
        "[...{dialog}.querySelectorAll('label')].find((one) => one.innerText.includes('{why}'))"
    ))
    .await;
    page.types(
        &format!("{dialog}.querySelector('textarea')"),
        comment,
        false,
    )
    .await;
    page.presses(&format!("{dialog}.querySelector('[type=submit]')"))
        .await;
    page.until("the dialog to go", &format!("!{dialog}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_button_causes_its_trouble_and_each_card_ends_as_it_should() {
    let Some(browser) = installed() else { return };
    let demo = Demo::start(&["--no-story", "--speed", "3"]).await;
    let mut page = Page::open(&browser).await;
    is_sized(&mut page, DESK).await;
    page.goes_to(&demo.url).await;
    page.until(
        "the whole shop",
        "document.getElementById('cluster-sum')?.innerText === 'all healthy'",
    )
    .await;
    for trouble in ["healthy_rollout", "small_limit", "wrong_tag", "bad_rollout"] {
        causes(&mut page, trouble).await;
    }
    page.until(
        "the good version to run",
        &format!(
            "(() => {{ const catalog = {}; return /2\\/2 ready[^]*catalog:1.1/.test(catalog.innerText) && catalog.querySelectorAll('.pod').length === 2; }})()",
            panel("catalog")
        ),
    )
    .await;

    let raise = [
        "was killed at its memory limit of 64Mi",
        "kubectl set resources deployment/reports",
        "--limits=memory=128Mi",
    ];
    offers(&mut page, "reports", &raise).await;
    let undo = [
        "shop/frontend:1.O",
        "kubectl rollout undo deployment/frontend",
    ];
    offers(&mut page, "frontend", &undo).await;
    offers(&mut page, "checkout", &["PAYMENT_URL"]).await;
    for name in ["reports", "frontend"] {
        confirms(&mut page, &button(name, "approve")).await;
    }

    dismisses(
        &mut page,
        "checkout",
        "Handled by hand",
        "we set it in the vault",
    )
    .await;
    page.until(
        "the card to say who dismissed it and why",
        &format!(
            "/Dismissed by @Olivia[^]*handled by hand/i.test({0}.innerText) && !{1} && !{2}",
            card("checkout"),
            button("checkout", "approve"),
            button("checkout", "dismiss")
        ),
    )
    .await;

    for name in ["reports", "frontend"] {
        page.until(
            &format!("the card of {name} to turn green"),
            &format!("{}.innerText.includes('✅ Recovered')", card(name)),
        )
        .await;
    }
    let said = asks(&mut page, "/heal status").await;
    assert!(
        said.contains("checkout") && !said.contains("frontend"),
        "{said}"
    );
    chooses(&mut page, "Ivan").await;
    let ephemerals = "document.querySelectorAll('#messages .ephemeral').length";
    assert_eq!(
        page.value(ephemerals).await,
        json!(0),
        "only Olivia sees what Olivia asked"
    );
    // Two rollouts that came later were followed through their soak by now: so would a trouble of catalog have been seen.
    let cards = "[...document.querySelectorAll('#messages article.message')].filter((one) => one.innerText.includes('shop/catalog')).length";
    assert_eq!(
        page.value(cards).await,
        json!(0),
        "a good version causes no card"
    );
    end_well(page, demo).await;
}
