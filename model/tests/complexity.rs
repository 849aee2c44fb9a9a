//! Parameters and MAC per pixel of every preset and part are printed and pinned: a change to a network's shape shows here.
//!
//! Lines: part, trained parameters, MAC per pixel.

use lic_model::Preset;
use lic_model::complexity::costs;

fn table(preset: Preset) -> String {
    let costs = costs(&preset.config());
    let mut text = String::new();
    for cost in &costs {
        text += &format!("{} {} {:.0}\n", cost.part, cost.parameters, cost.macs);
    }
    let parameters: usize = costs.iter().map(|c| c.parameters).sum();
    let macs: f64 = costs.iter().map(|c| c.macs).sum();
    text + &format!("total {parameters} {macs:.0}\n")
}

#[test]
fn the_student_costs_what_the_design_says() {
    let text = table(Preset::Student);
    println!("{text}");
    assert_eq!(
        text,
        "analysis 1159872 7536\n\
         synthesis 1168384 7536\n\
         hyper-analysis 322752 573\n\
         hyper-synthesis 315200 445\n\
         context 1113120 3460\n\
         tables 25600 0\n\
         total 4104928 19550\n"
    );
}

#[test]
fn tiny_is_tiny() {
    let text = table(Preset::Tiny);
    println!("{text}");
    assert_eq!(
        text,
        "analysis 18864 187\n\
         synthesis 21168 187\n\
         hyper-analysis 20912 32\n\
         hyper-synthesis 26192 28\n\
         context 49488 142\n\
         tables 4352 0\n\
         total 140976 576\n"
    );
}

#[test]
fn the_teacher_costs_about_four_students() {
    let text = table(Preset::Teacher);
    println!("{text}");
    assert_eq!(
        text,
        "analysis 4715540 36336\n\
         synthesis 4732564 36336\n\
         hyper-analysis 521872 900\n\
         hyper-synthesis 502160 700\n\
         context 1729640 5406\n\
         tables 34304 0\n\
         total 12236080 79679\n"
    );
}

#[test]
fn the_paper_preset_is_for_gpus() {
    let text = table(Preset::Paper);
    println!("{text}");
    assert_eq!(
        text,
        "analysis 11611676 103232\n\
         synthesis 11637212 103232\n\
         hyper-analysis 719136 1289\n\
         hyper-synthesis 683232 1001\n\
         context 2481456 7785\n\
         tables 38400 0\n\
         total 27171112 216540\n"
    );
}
