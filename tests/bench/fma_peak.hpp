#pragma once

/// Floating-point operations per second of one core that does nothing but fused multiply-adds in
/// its widest registers, or in those of AVX2. Measured in this call; 0 where it does not know how.
double fma_peak(bool single_precision, bool avx2_only);
