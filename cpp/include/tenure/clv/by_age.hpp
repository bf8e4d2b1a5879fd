#pragma once
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::clv {

/// Predictions that depend on frequency and age only: exp(log_f(x, T)) of every row, for one or
/// more functions that are smooth in T and dear. Rows of the same x are interpolated in log(offset
/// + T) by Chebyshev polynomials of a degree that is raised until the coefficients reach rounding;
/// few rows, and those that 80 nodes do not reach, are evaluated directly. Relative error of
/// interpolation about 1e-13. log_f is called from several threads; -inf is a value of 0.
class ByAge {
 public:
  using Function = std::function<double(double x, double age)>;

  /// Reads the columns once, which must outlive this, and evaluates each function 10 to 150 times a
  /// distinct frequency. An empty `frequency`: x is 0 in every row. Deterministic.
  ByAge(std::span<const double> frequency, std::span<const double> age, double offset,
        std::vector<Function> log_f, const Execution& execution);

  /// out[j][i - from] = exp(log_f[j](x_i, T_i)) for i in [from, to). A few ns a row and function:
  /// rows are ordered by x in the cache, 2,048 at a time.
  void evaluate(std::int64_t from, std::int64_t to, std::span<double* const> out) const;

 private:
  /// A polynomial in u = scale * log(offset + T) - shift, u in [-1, 1]; without coefficients: none
  /// fits.
  struct Interpolant {
    double scale = 0.0, shift = 0.0;
    std::vector<double> coefficient;
  };
  struct Ages {
    std::int64_t rows = 0;
    double shortest = std::numeric_limits<double>::infinity(), longest = -shortest;
    void operator+=(const Ages& other);
  };

  void count(const Execution& execution);
  std::size_t search(double x) const;
  void evaluate_few(std::int64_t from, int n, double* const* out) const;
  static Interpolant interpolate(const Ages& ages, double offset,
                                 const std::function<double(double)>& f);

  std::span<const double> frequency_, age_;
  double offset_;
  std::vector<Function> log_f_;
  std::vector<double> x_;                 ///< distinct frequencies, ascending
  std::vector<Ages> ages_;                ///< of each of them
  std::vector<std::int32_t> direct_;      ///< place in `x_` of small frequencies
  std::vector<Interpolant> interpolant_;  ///< by frequency, then by function
};

/// The same of all rows, of one function.
Buffer<double> exp_by_age(std::span<const double> frequency, std::span<const double> age,
                          double offset, const ByAge::Function& log_f, const Execution& execution);

}  // namespace tenure::clv
