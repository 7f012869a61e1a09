//! What a pod asks for: one rule for the scheduler and for quotas.

/// What a pod asks for when its containers ask for this, init containers first, in their order. `stays` says whether a container
/// goes on beside those after it, as containers and sidecars do; an ordinary init container ends before the next begins.
///
/// Those that run together count together, so the largest sum at any time counts.
pub fn demand(containers: impl IntoIterator<Item = (bool, u64)>) -> u64 {
    let (mut beside, mut most) = (0_u64, 0);
    for (stays, amount) in containers {
        let together = beside.saturating_add(amount);
        most = most.max(together);
        if stays {
            beside = together;
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_and_sidecars_count_together_and_an_init_container_with_the_sidecars_before_it() {
        let (init, stays) = (|amount| (false, amount), |amount| (true, amount));
        let cases = [
            ("containers", vec![stays(100), stays(200)], 300),
            ("a small init container", vec![init(50), stays(100)], 100),
            ("a large one", vec![init(500), stays(100)], 500),
            (
                "two, one after the other",
                vec![init(60), init(70), stays(100)],
                100,
            ),
            ("a sidecar", vec![stays(50), stays(100)], 150),
            (
                "a sidecar before an init container",
                vec![stays(50), init(120), stays(100)],
                170,
            ),
            (
                "a sidecar after it",
                vec![init(120), stays(50), stays(100)],
                150,
            ),
            (
                "a sidecar between two",
                vec![init(90), stays(50), init(110), stays(20)],
                160,
            ),
            ("nothing", vec![], 0),
            (
                "more than there is",
                vec![stays(u64::MAX), stays(1)],
                u64::MAX,
            ),
        ];
        for (case, containers, asked) in cases {
            assert_eq!(demand(containers), asked, "{case}");
        }
    }
}
