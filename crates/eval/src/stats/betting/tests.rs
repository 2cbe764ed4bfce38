use super::super::tests::golden::golden;
use super::{BettingSequence, BettingTest, GRID, Hypothesis};

#[test]
fn the_capital_is_that_of_confseq() {
    let golden = golden();
    let scores: Vec<f64> =
        golden["anytime"]["scores"].as_array().unwrap().iter().map(|score| score.as_f64().unwrap()).collect();
    let mut sequence = BettingSequence::new(0.05).unwrap();
    let means: Vec<Vec<f64>> = golden["anytime"]["capital"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect())
        .collect();
    // Their supposed means in place of our grid.
    let mut seen = Vec::new();
    for (index, score) in scores.iter().enumerate() {
        let stake = sequence.next_stake();
        for (at, row) in means.iter().enumerate() {
            let (more, less) = super::pay(stake, row[0], *score);
            sequence.ln_more[at] += more;
            sequence.ln_less[at] += less;
        }
        sequence.n += 1;
        sequence.settle(*score);
        if [0, 19, 119].contains(&index) {
            let hedged = |at: usize| 0.5 * sequence.ln_more[at].max(sequence.ln_less[at]).exp();
            seen.push((0..means.len()).map(hedged).collect::<Vec<f64>>());
        }
    }
    for (look, capitals) in seen.iter().enumerate() {
        for (at, capital) in capitals.iter().enumerate() {
            assert!((capital / means[at][look + 1] - 1.0).abs() < 1e-9, "look {look}, mean {}", means[at][0]);
        }
    }
}

#[test]
fn limits_are_grid_points_that_lose_no_more_than_a_cell() {
    let mut sequence = BettingSequence::new(0.05).unwrap();
    assert_eq!(sequence.interval(), None);
    for index in 0..400 {
        sequence.observe(f64::from(index % 5 != 0)).unwrap();
    }
    let interval = sequence.interval().unwrap();
    assert!(interval.contains(0.8) && interval.width() < 0.16, "{interval:?}");
    let lower = (0..GRID - 1).find(|index| sequence.grid(*index) == interval.lower).unwrap();
    let won = 40_f64.ln();
    assert!(sequence.ln_more[lower] >= won && sequence.ln_more[lower + 1] < won);
}

#[test]
fn all_successes_and_what_is_out_of_range() {
    let mut sequence = BettingSequence::paired(0.05).unwrap();
    assert!(sequence.observe(1.5).is_err() && sequence.observe(f64::NAN).is_err());
    assert_eq!(sequence.n(), 0);
    for _ in 0..200 {
        sequence.observe(1.0).unwrap();
    }
    let interval = sequence.interval().unwrap();
    assert!(interval.upper == 1.0 && interval.lower > 0.9 && interval.lower < 1.0, "{interval:?}");
}

#[test]
fn a_test_rejects_what_is_false_and_remembers_it() {
    let mut test = BettingTest::new(Hypothesis::AtMost, 0.8, 0.0, 1.0).unwrap();
    assert_eq!(test.e_value(), 1.0);
    for _ in 0..60 {
        test.observe(1.0).unwrap();
    }
    assert!(test.rejects(0.01));
    for _ in 0..200 {
        test.observe(0.0).unwrap();
    }
    assert!(test.e_value() < 1.0 && test.rejects(0.01));
    assert!(BettingTest::new(Hypothesis::AtMost, 1.0, 0.0, 1.0).is_err());
}
