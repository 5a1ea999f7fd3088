//! Mean score over the share that is sent to the cloud, as an SVG file.

use std::path::Path;

use anyhow::anyhow;
use plotters::prelude::*;
use router_training::gain::curve::Curve;

const SIZE: (u32, u32) = (900, 600);
const POINTS: usize = 200;
const COLOURS: [RGBColor; 5] = [
    RGBColor(15, 118, 110),
    RGBColor(148, 163, 184),
    RGBColor(217, 119, 6),
    RGBColor(79, 70, 229),
    RGBColor(30, 41, 59),
];

/// Draws a curve for each way to sort the prompts.
pub(super) fn draw(file: &Path, curves: &[(&str, Curve)]) -> anyhow::Result<()> {
    let lines: Vec<(&str, Vec<(f64, f64)>)> = curves
        .iter()
        .map(|(name, curve)| (*name, curve.points(POINTS)))
        .collect();
    let scores = || {
        lines
            .iter()
            .flat_map(|(_, points)| points)
            .map(|point| point.1)
    };
    let least = scores().fold(1.0, f64::min);
    let most = scores().fold(0.0, f64::max);
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(problem)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..1.0, least..most.max(least + 0.01))
        .map_err(problem)?;
    chart
        .configure_mesh()
        .x_desc("share sent to the cloud")
        .y_desc("mean score")
        .draw()
        .map_err(problem)?;
    for ((name, points), colour) in lines.into_iter().zip(COLOURS) {
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))
            .map_err(problem)?
            .label(name.replace('_', " "))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE)
        .border_style(BLACK)
        .position(SeriesLabelPosition::LowerRight)
        .draw()
        .map_err(problem)?;
    root.present().map_err(problem)
}

fn problem(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("drawing: {error}")
}
