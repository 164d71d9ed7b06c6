//! Products against sums in f64, on both paths: kernels of our own, and any processor.

use super::*;

fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

fn at(matrix: Matrix<'_>, row: usize, column: usize) -> f64 {
    f64::from(matrix.data[row * matrix.row_stride + column * matrix.column_stride])
}

type Gemm = fn(MatrixMut<'_>, Matrix<'_>, Matrix<'_>, Product);

/// Odd sizes, both orders of each operand, gaps between rows, adding, a factor: against sums in f64.
fn equals_sums_in_f64(gemm: Gemm) {
    let sizes = [
        [1, 1, 1],
        [1, 70, 40],
        [13, 17, 33],
        [25, 1030, 65],
        [100, 3, 1100],
        [3, 200, 2100],
        [61, 515, 31],
        [49, 2050, 40],
    ];
    for ([m, k, n], precision) in sizes
        .into_iter()
        .flat_map(|size| [(size, Precision::F32), (size, Precision::Bf16)])
    {
        for orders in 0..4 {
            let (a_transposed, b_transposed) = (orders & 1 == 1, orders & 2 == 2);
            let gap = 3;
            let (a_data, b_data) = (
                numbers((m + gap) * (k + gap), 1),
                numbers((k + gap) * (n + gap), 2),
            );
            let (mut a_data, mut b_data) = (a_data, b_data);
            if precision == Precision::Bf16 {
                a_data = round_to_bf16(&a_data);
                b_data = round_to_bf16(&b_data);
            }
            let a = if a_transposed {
                Matrix::strided(&a_data, k, m, m + gap).transposed()
            } else {
                Matrix::strided(&a_data, m, k, k + gap)
            };
            let b = if b_transposed {
                Matrix::strided(&b_data, n, k, k + gap).transposed()
            } else {
                Matrix::strided(&b_data, k, n, n + gap)
            };
            let mut out = vec![1.0; m * (n + gap)];
            let product = Product::added(precision).times(0.5);
            gemm(
                MatrixMut::strided(&mut out, m, n, n + gap),
                a,
                b,
                if orders == 0 {
                    product.on_this_thread()
                } else {
                    product
                },
            );
            for (row, out) in out.chunks(n + gap).enumerate() {
                for (column, got) in out[..n].iter().enumerate() {
                    let sum: f64 = (0..k).map(|i| at(a, row, i) * at(b, i, column)).sum();
                    let expected = 1.0 + 0.5 * sum;
                    let error = (f64::from(*got) - expected).abs();
                    assert!(
                        error < 2e-6 * (k as f64).sqrt().max(4.0),
                        "{m} x {k} x {n} {precision:?} {orders} [{row}, {column}]: {got} instead of {expected}"
                    );
                }
                assert!(out[n..].iter().all(|gap| *gap == 1.0), "gaps stay");
            }
        }
    }
}

#[test]
fn products_equal_sums_in_f64() {
    equals_sums_in_f64(gemm);
}

#[test]
fn products_on_any_processor_equal_sums_in_f64() {
    equals_sums_in_f64(anywhere);
}

#[test]
fn bits_do_not_depend_on_the_threads() {
    let (k, n) = (700, 190);
    let (a, b) = (numbers(130 * k, 3), numbers(k * n, 4));
    let kinds = [(3, gemm as Gemm), (130, gemm), (130, anywhere)];
    for ((m, gemm), precision) in kinds
        .into_iter()
        .flat_map(|kind| [(kind, Precision::F32), (kind, Precision::Bf16)])
    {
        let with = |product: Product| {
            let mut out = vec![0.0; m * n];
            gemm(
                MatrixMut::rows(&mut out, m, n),
                Matrix::rows(&a[..m * k], m, k),
                Matrix::rows(&b, k, n),
                product,
            );
            out
        };
        let all = Product::new(precision);
        let (one, many) = (with(all.on_this_thread()), with(all));
        assert_eq!(one, many, "{m} rows, {precision:?}");
    }
}

/// What a product may skip is zero, or not looked at: the rest is the whole product's.
#[test]
fn causal_products_equal_whole_ones_where_they_are_needed() {
    let sizes = [
        [1, 1, 1],
        [3, 9, 40],
        [30, 31, 65],
        [100, 130, 97],
        [70, 1300, 40],
    ];
    for ([m, k, n], precision) in sizes
        .into_iter()
        .flat_map(|size| [(size, Precision::F32), (size, Precision::Bf16)])
    {
        for d in [0, 1, 7, 60] {
            for causal in [Causal::Result(d), Causal::Rows(d), Causal::Columns(d)] {
                let mut a = numbers(m * k, 5);
                for (index, value) in a.iter_mut().enumerate() {
                    let (row, column) = (index / k, index % k);
                    let zero = match causal {
                        Causal::Rows(d) => column > row + d,
                        Causal::Columns(d) => row > column + d,
                        Causal::No | Causal::Result(_) => false,
                    };
                    if zero {
                        *value = 0.0;
                    }
                }
                let b = numbers(k * n, 6);
                let with = |gemm: Gemm, causal| {
                    let mut out = vec![0.5; m * n];
                    let product = Product::added(precision).causal(causal);
                    let (a, b) = (Matrix::rows(&a, m, k), Matrix::rows(&b, k, n));
                    gemm(MatrixMut::rows(&mut out, m, n), a, b, product);
                    out
                };
                for gemm in [gemm as Gemm, anywhere] {
                    let (got, whole) = (with(gemm, causal), with(gemm, Causal::No));
                    for (index, (got, whole)) in got.iter().zip(whole).enumerate() {
                        let needed = match causal {
                            Causal::Result(d) => index % n <= index / n + d,
                            _ => true,
                        };
                        assert!(
                            !needed || (got - whole).abs() < 1e-4,
                            "{m} x {k} x {n} {precision:?} {d} [{index}]: {got} instead of {whole}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn parts_of_packed_columns_equal_parts_of_the_matrix() {
    let (k, n) = (2500, 200);
    // Numbers that bf16 holds, so that both formats have the same sums.
    let b = round_to_bf16(&numbers(k * n, 7));
    for precision in [Precision::F32, Precision::Bf16] {
        for transposed in [false, true] {
            let b = if transposed {
                Matrix::rows(&b, n, k).transposed()
            } else {
                Matrix::rows(&b, k, n)
            };
            let packed = Columns::new(b, precision);
            // As on a processor without kernels of our own.
            let as_stored = Columns {
                matrix: b,
                #[cfg(target_arch = "x86_64")]
                packed: None,
            };
            for (m, inner, first, count) in [
                (1, 0..1, 0, 1),
                (30, 0..2500, 0, 200),
                (7, 32..95, 64, 33),
                (50, 96..2401, 160, 40),
                (13, 64..64, 32, 5),
            ] {
                let a = round_to_bf16(&numbers(m * inner.len(), 8));
                let a = Matrix::rows(&a, m, inner.len());
                let product = Product::new(precision).on_this_thread();
                let [ours, anybodys] = [&packed, &as_stored].map(|columns| {
                    let mut got = vec![7.0; m * count];
                    let out = MatrixMut::rows(&mut got, m, count);
                    columns.multiply(out, a, inner.clone(), first, product);
                    got
                });
                for (index, got) in ours.into_iter().zip(anybodys).enumerate() {
                    let (row, column) = (index / count, index % count);
                    let expected: f64 = (0..inner.len())
                        .map(|i| at(a, row, i) * at(b, inner.start + i, first + column))
                        .sum();
                    for got in [got.0, got.1] {
                        assert!(
                            (f64::from(got) - expected).abs() < 2e-4,
                            "{m} x {inner:?} x {first}, {count} {precision:?}: {got} instead of {expected}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn no_inner_dimension_gives_zeros() {
    for (rows, gemm) in [(2, gemm as Gemm), (30, gemm), (30, anywhere)] {
        let mut out = vec![7.0; rows * 3];
        gemm(
            MatrixMut::rows(&mut out, rows, 3),
            Matrix::rows(&[], rows, 0),
            Matrix::rows(&[], 0, 3),
            Product::new(Precision::F32),
        );
        assert_eq!(out, vec![0.0; rows * 3]);
    }
}
