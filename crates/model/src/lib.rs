//! One decoder-only transformer, described by a config with published key names.
//!
//! Weights are arguments, not members: [`Decoder`] holds sizes and tables, and each segment's forward receives its
//! weights as tensors that somebody else owns ([`Store`]). Read in this order:
//!
//! 1. [`ModelConfig`]: the keys as published checkpoints spell them; [`DecoderConfig`]: what they mean;
//! 2. [`ParameterTable`]: every parameter's published name, shape, segment, group and initial distribution;
//! 3. [`Decoder`]: the segments' forward passes;
//! 4. [`Store`]: flat buffers laid out by the table.

mod cache;
mod config;
mod config_json;
mod cost;
mod decoder;
mod decoder_config;
mod distribution;
mod error;
mod families;
mod gradients;
mod init;
mod input;
mod resolve;
mod rope;
mod segment;
mod store;
mod table;

pub use cache::KeyValueCache;
pub use config::{Initializer, LayerType, ModelConfig, ModelType, RopeScaling, TokenIds};
pub use config_json::{ConfigJsonError, SPELLINGS};
pub use cost::{attention_flop_per_token, flop_per_token, products_of_a_step};
pub use decoder::{Decoder, Promise};
pub use decoder_config::{DecoderConfig, LayerConfig, Multipliers, NormPlacement, RopeConfig};
pub use error::ModelError;
pub use families::Role;
pub use gradients::GradientSums;
pub use init::{initial_values, normal_values};
pub use input::Input;
pub use rope::{Rotations, Scaling, inverse_frequencies};
pub use segment::{Segment, SegmentWeights};
pub use store::{Group, Layout, Store};
pub use table::{Parameter, ParameterTable};
