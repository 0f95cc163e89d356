use super::{Chart, HEIGHT, Unit, Value, WIDTH};

fn values(amounts: &[Option<i64>]) -> Vec<Value> {
    amounts
        .iter()
        .map(|amount| Value {
            amount: *amount,
            mark: "ok",
            when: "Fri 20 Nov, 21:04".to_owned(),
            words: amount.map_or_else(|| "unknown".to_owned(), crate::web::words::size),
            path: "/runs/1".to_owned(),
        })
        .collect()
}

fn chart(amounts: &[Option<i64>]) -> Chart {
    Chart::new("Size", Unit::Size, values(amounts)).unwrap()
}

fn heights(chart: &Chart) -> Vec<i64> {
    chart.bars.iter().map(|bar| bar.height).collect()
}

#[test]
fn nothing_measured_is_no_chart() {
    assert!(Chart::new("Size", Unit::Size, values(&[])).is_none());
    assert!(Chart::new("Size", Unit::Size, values(&[None, None])).is_none());
}

#[test]
fn one_run_is_one_bar_at_the_right() {
    let chart = chart(&[Some(1_400_000_000)]);
    assert_eq!(chart.summary, "Size of the last 1 run: always 1.4 GB, last 1.4 GB.");
    assert_eq!((chart.bars[0].x, chart.bars[0].width), (696, 22));
    assert_eq!(chart.lines[0].words, "2.0 GB");
    assert_eq!(heights(&chart), [84]);
}

#[test]
fn zero_is_seen_and_unknown_is_not_zero() {
    let chart = chart(&[Some(0), None, Some(0)]);
    assert_eq!(heights(&chart), [1, 1]);
    assert_eq!(chart.values.len(), 3);
    assert_eq!(chart.summary, "Size of the last 3 runs: always 0 B, last 0 B.");
    assert_eq!(chart.lines.iter().map(|line| line.y).collect::<Vec<_>>(), [0, HEIGHT]);
}

#[test]
fn huge_and_wrong_values_stay_inside() {
    let chart = chart(&[Some(i64::MAX), Some(-5), Some(1)]);
    assert_eq!(heights(&chart), [HEIGHT, 1, 1]);
    assert!(chart.bars.iter().all(|bar| bar.y >= 0 && bar.y + bar.height == HEIGHT));
}

#[test]
fn a_hundred_runs_fit() {
    let chart = chart(&vec![Some(10); 100]);
    assert!(chart.bars.iter().all(|bar| bar.x >= 0 && bar.x + bar.width <= WIDTH));
}

#[test]
fn scales_end_at_round_amounts() {
    let sizes: Vec<i64> = [1, 3, 70, 1_400, i64::MAX]
        .map(|amount| Unit::Size.rounded(amount))
        .into();
    assert_eq!(sizes, [1, 5, 100, 2_000, i64::MAX]);
    let times: Vec<i64> = [1, 61, 2_460, 90_000]
        .map(|amount| Unit::Duration.rounded(amount))
        .into();
    assert_eq!(times, [10, 120, 3_600, 100_000]);
}
