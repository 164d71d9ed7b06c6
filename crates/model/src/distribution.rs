//! From which distribution each parameter's first values come.

use crate::config::Initializer;
use crate::decoder_config::DecoderConfig;
use crate::families::Role;

/// Where a parameter's first values come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Distribution {
    Constant(f32),
    Normal { deviation: f64 },
}

impl Initializer {
    pub(crate) fn distribution(
        self,
        config: &DecoderConfig,
        role: Role,
        shape: &[usize],
    ) -> Distribution {
        if shape.len() == 1 {
            let is_bias = matches!(
                role,
                Role::QBias
                    | Role::KBias
                    | Role::VBias
                    | Role::OBias
                    | Role::GateBias
                    | Role::UpBias
                    | Role::DownBias
            );
            return Distribution::Constant(if is_bias { 0.0 } else { 1.0 });
        }
        let hidden_matrix = !matches!(role, Role::Embedding | Role::LmHead);
        let mut deviation = config.initializer_range;
        if matches!(role, Role::OProj | Role::DownProj) && self != Self::Normal {
            deviation /= (2.0 * config.num_hidden_layers() as f64).sqrt();
        }
        if let (Self::Mup { base_hidden_size }, true) = (self, hidden_matrix) {
            deviation *= (base_hidden_size as f64 / config.hidden_size as f64).sqrt();
        }
        Distribution::Normal { deviation }
    }
}
