//! Which processor this is, as far as the matrix products depend on it.
//!
//! The path of a product is chosen by what the processor says about itself and never by timing:
//! equal runs on one machine must give equal bytes.

use std::fmt;
use std::sync::OnceLock;

/// How products of bf16 operands are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bf16Products {
    /// By the dot products of AVX512-BF16.
    Native(Processor),
    /// Operands are rounded to bf16 and multiplied in f32: there are no instructions for bf16.
    RoundedWithoutInstructions,
    /// Operands are rounded to bf16 and multiplied in f32: the dot products are slower than that.
    RoundedBecauseFaster(Processor),
    /// Operands are rounded to bf16 and multiplied in f32: nobody has measured the dot products of
    /// this processor.
    RoundedBecauseUnmeasured(Processor),
}

/// Vendor, family and model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processor {
    vendor: [u8; 12],
    family: u32,
    model: u32,
    /// AVX512-BF16, with the AVX-512 that the kernels use beside it.
    has_bf16_dot_products: bool,
    /// Tiles of AMX, with products of bf16.
    has_amx_bf16: bool,
}

/// How this processor multiplies operands of bf16.
pub fn bf16_products() -> Bf16Products {
    static CHOICE: OnceLock<Bf16Products> = OnceLock::new();
    *CHOICE.get_or_init(|| {
        Processor::here().map_or(Bf16Products::RoundedWithoutInstructions, Bf16Products::on)
    })
}

impl Bf16Products {
    fn on(processor: Processor) -> Self {
        if !processor.has_bf16_dot_products {
            return Self::RoundedWithoutInstructions;
        }
        match &processor.vendor {
            // Zen 4 and 5: a training step takes 0.56 of the time that it takes in f32 (measured on
            // Zen 4).
            b"AuthenticAMD" => Self::Native(processor),
            // Where there is AMX, AVX512-BF16 is there for compatibility (measured: 145 GFLOP/s
            // against 197 in f32).
            b"GenuineIntel" if processor.has_amx_bf16 || processor.is_intel_with_amx() => {
                Self::RoundedBecauseFaster(processor)
            }
            _ => Self::RoundedBecauseUnmeasured(processor),
        }
    }

    /// Whether the processor's own bf16 instructions multiply.
    pub fn is_native(self) -> bool {
        matches!(self, Self::Native(_))
    }
}

impl fmt::Display for Bf16Products {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ROUNDED: &str = "operands are rounded to bf16 and multiplied in f32";
        match self {
            Self::Native(processor) => write!(
                f,
                "multiplied by AVX512-BF16, twice as many values an instruction as f32 ({processor})"
            ),
            Self::RoundedWithoutInstructions => {
                write!(f, "{ROUNDED}: this processor has no AVX512-BF16")
            }
            Self::RoundedBecauseFaster(processor) => {
                write!(f, "{ROUNDED}: AVX512-BF16 is slower on {processor}")
            }
            Self::RoundedBecauseUnmeasured(processor) => write!(
                f,
                "{ROUNDED}: whether AVX512-BF16 is faster on {processor} was never measured"
            ),
        }
    }
}

impl Processor {
    #[cfg(target_arch = "x86_64")]
    #[expect(
        clippy::unnecessary_wraps,
        reason = "other architectures are not known"
    )]
    fn here() -> Option<Self> {
        use std::arch::x86_64::{__cpuid, __cpuid_count};

        const FEATURES: u32 = 7;
        let basic = __cpuid(0);
        let mut vendor = [0; 12];
        for (place, register) in vendor
            .chunks_exact_mut(4)
            .zip([basic.ebx, basic.edx, basic.ecx])
        {
            place.copy_from_slice(&register.to_le_bytes());
        }
        let (family, model) = family_and_model(__cpuid(1).eax);
        let features = if basic.eax >= FEATURES {
            __cpuid_count(FEATURES, 0).edx
        } else {
            0
        };
        Some(Self {
            vendor,
            family,
            model,
            has_bf16_dot_products: std::is_x86_feature_detected!("avx512f")
                && std::is_x86_feature_detected!("avx512bw")
                && std::is_x86_feature_detected!("avx512bf16"),
            has_amx_bf16: features & 1 << 22 != 0,
        })
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn here() -> Option<Self> {
        None
    }

    /// By model, since a virtual machine may hide AMX: Sapphire Rapids, Emerald Rapids, Granite
    /// Rapids and its D.
    fn is_intel_with_amx(self) -> bool {
        self.family == 6 && matches!(self.model, 0x8f | 0xcf | 0xad | 0xae)
    }
}

impl fmt::Display for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vendor = match &self.vendor {
            b"AuthenticAMD" => "AMD",
            b"GenuineIntel" => "Intel",
            other => str::from_utf8(other).unwrap_or("unknown"),
        };
        write!(f, "{vendor} family {} model {}", self.family, self.model)
    }
}

/// From the signature in leaf 1: the extended fields count where the base family is 15, and the
/// model's also where it is 6.
#[cfg(any(target_arch = "x86_64", test))]
fn family_and_model(signature: u32) -> (u32, u32) {
    let (family, extended_family) = (signature >> 8 & 0xf, signature >> 20 & 0xff);
    let (model, extended_model) = (signature >> 4 & 0xf, signature >> 16 & 0xf);
    match family {
        15 => (15 + extended_family, extended_model << 4 | model),
        6 => (6, extended_model << 4 | model),
        _ => (family, model),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn processor(vendor: &[u8; 12], signature: u32, bf16: bool, amx: bool) -> Processor {
        let (family, model) = family_and_model(signature);
        Processor {
            vendor: *vendor,
            family,
            model,
            has_bf16_dot_products: bf16,
            has_amx_bf16: amx,
        }
    }

    #[test]
    fn signatures_give_family_and_model() {
        assert_eq!(family_and_model(0x0005_0657), (6, 0x55), "Cascade Lake");
        assert_eq!(family_and_model(0x000c_06f2), (6, 0xcf), "Emerald Rapids");
        assert_eq!(family_and_model(0x00a1_0f11), (0x19, 0x11), "Zen 4");
        assert_eq!(family_and_model(0x00b0_0f21), (0x1a, 0x02), "Zen 5");
    }

    #[test]
    fn the_path_follows_from_vendor_family_and_model() {
        let (intel, amd) = (b"GenuineIntel", b"AuthenticAMD");
        let on = |vendor, signature, bf16, amx| {
            Bf16Products::on(processor(vendor, signature, bf16, amx))
        };
        let without = Bf16Products::RoundedWithoutInstructions;
        assert_eq!(on(intel, 0x0005_0657, false, false), without);
        assert_eq!(on(amd, 0x00a2_0f10, false, false), without, "Zen 3");
        for signature in [0x00a1_0f11, 0x00b0_0f21] {
            assert!(on(amd, signature, true, false).is_native());
        }
        for (signature, amx) in [
            (0x0008_06f8, true),
            (0x0008_06f8, false),
            (0x000c_06f2, true),
            (0x000a_06d1, true),
            (0x000a_06e1, false),
            // Some later processor.
            (0x000d_0690, true),
        ] {
            let path = on(intel, signature, true, amx);
            assert!(
                matches!(path, Bf16Products::RoundedBecauseFaster(_)),
                "{signature:#x}: {path}"
            );
        }
        // Cooper Lake, and a vendor that nobody knows.
        for path in [
            on(intel, 0x0005_065b, true, false),
            on(b"CentaurHauls", 0x0007_0650, true, false),
        ] {
            assert!(
                matches!(path, Bf16Products::RoundedBecauseUnmeasured(_)),
                "{path}"
            );
        }
    }

    #[test]
    fn the_path_says_why() {
        let path = Bf16Products::on(processor(b"GenuineIntel", 0x000c_06f2, true, true));
        assert_eq!(
            path.to_string(),
            "operands are rounded to bf16 and multiplied in f32: AVX512-BF16 is slower on Intel family 6 model 207"
        );
    }
}
