//! Prefill and decode as bars, side by side.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::table::Row;

const ROW: u32 = 26;
const WIDTH: u32 = 1200;
/// Room for the names, in pixels.
const NAMES: u32 = 250;
const OURS: RGBColor = RGBColor(15, 118, 110);
const PEERS: RGBColor = RGBColor(148, 163, 184);

/// Draws an SVG file.
pub fn draw(rows: &[Row], file: &Path) -> Result<()> {
    let height = ROW * (rows.len() as u32 + 3);
    let root = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE).map_err(problem)?;
    let (left, right) = root.split_horizontally((WIDTH + NAMES) / 2);
    panel(
        &left,
        rows,
        "prefill_tokens_per_s",
        "prefill, tokens/s",
        true,
    )?;
    panel(
        &right,
        rows,
        "decode_tokens_per_s",
        "decode, tokens/s",
        false,
    )?;
    root.present().map_err(problem)
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    rows: &[Row],
    figure: &str,
    title: &str,
    named: bool,
) -> Result<()> {
    let most = rows
        .iter()
        .filter_map(|row| row.median(figure))
        .fold(1.0, f64::max);
    let names = if named { NAMES } else { 8 };
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(8)
        .set_label_area_size(LabelAreaPosition::Left, names)
        .build_cartesian_2d(0.0..most * 1.2, 0.0..rows.len() as f64)
        .map_err(problem)?;
    for (index, row) in rows.iter().enumerate() {
        let y = (rows.len() - index) as f64;
        let value = row.median(figure).unwrap_or(0.0);
        let colour = if row.run.contender.peer { PEERS } else { OURS };
        let bar = Rectangle::new([(0.0, y - 0.8), (value, y - 0.2)], colour.filled());
        let text = Text::new(format!(" {value:.1}"), (value, y - 0.3), ("sans-serif", 13));
        chart.draw_series([bar]).map_err(problem)?;
        chart.draw_series([text]).map_err(problem)?;
        if named {
            let (x, y) = chart.backend_coord(&(0.0, y - 0.3));
            let (left, top) = area.get_base_pixel();
            let place = (x - left - NAMES as i32 + 8, y - top);
            area.draw_text(
                &row.label(),
                &("sans-serif", 13).into_text_style(area),
                place,
            )
            .map_err(problem)?;
        }
    }
    Ok(())
}

fn problem(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("drawing: {error}")
}
