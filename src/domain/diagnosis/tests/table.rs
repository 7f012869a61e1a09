//! The table of what may be done.
use crate::domain::{
    action::ActionKind,
    diagnosis::table::{FORBIDDEN, ONLY, TABLE, permitted, safety_table},
    family::Family,
};

#[test]
fn every_family_has_one_row_and_every_action_a_word_in_it() {
    for family in Family::ALL {
        let rows: Vec<_> = TABLE.iter().filter(|row| row.family == family).collect();
        assert_eq!(rows.len(), 1, "{family}");
        for kind in ActionKind::ALL {
            let allowed = rows[0].allowed.contains(&kind);
            let never = rows[0].never.iter().any(|(never, _)| *never == kind);
            assert!(
                allowed != never,
                "{family} {kind}: allowed or never, not both, not neither"
            );
        }
    }
}

#[test]
fn nothing_that_replaces_pods_is_permitted_while_new_pods_are_refused() {
    for signature in [
        "adm.psa",
        "adm.quota_must_specify",
        "adm.webhook_unreachable",
    ] {
        for kind in ActionKind::ALL {
            assert!(
                permitted(Family::Admission, signature, kind).is_err(),
                "{signature} {kind}"
            );
        }
    }
}

#[test]
fn a_restart_is_permitted_for_stale_credentials_only() {
    assert!(permitted(Family::Crash, "crash.db_auth", ActionKind::RolloutRestart).is_ok());
    assert!(permitted(Family::Probe, "crash.tls_cert", ActionKind::RolloutRestart).is_ok());
    assert!(
        permitted(
            Family::Crash,
            "crash.app_exception",
            ActionKind::RolloutRestart
        )
        .is_err()
    );
}

#[test]
fn the_page_for_people_names_every_rule() {
    let page = safety_table();
    for family in Family::ALL {
        assert!(page.contains(&format!("| {family} |")), "{family}");
    }
    for (signature, ..) in FORBIDDEN {
        assert!(page.contains(signature), "{signature}");
    }
    for (kind, ..) in ONLY {
        assert!(page.contains(&format!("| {kind} | `")), "{kind}");
    }
}
