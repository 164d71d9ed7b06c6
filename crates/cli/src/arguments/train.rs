//! `jikji train`.

use clap::Args;

use super::RecipeArguments;

#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
    /// Continue from the newest checkpoint that passes verification
    #[arg(long, conflicts_with = "fresh")]
    pub(crate) resume: bool,
    /// Start over; an earlier run in the folder is renamed, not deleted
    #[arg(long)]
    pub(crate) fresh: bool,
    /// With --resume: accept that this setting differs from the checkpoint's; may be repeated
    #[arg(long, value_name = "KEY", requires = "resume")]
    pub(crate) allow_change: Vec<String>,
    /// Device to compute on; this build supports cpu only
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
    /// Print the resolved plan and one example with its loss mask, without training
    #[arg(long)]
    pub(crate) dry_run: bool,
}
