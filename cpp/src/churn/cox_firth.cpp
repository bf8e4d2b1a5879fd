#include "cox_firth.hpp"

#include <Eigen/Dense>

#include "cox_kernels.hpp"
#include "cox_slots.hpp"
#include "tenure/churn/cox_residuals.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn::detail {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;
using Row = Eigen::Map<const Vector>;

/// sum of risk_i z_i over those at risk at each slot, and over those who churn at it.
void sum_at_risk(const CoxLikelihood& at, std::span<const double> z, std::vector<double>& all,
                 std::vector<double>& own) {
  const CoxData& d = at.data();
  all.assign(static_cast<std::size_t>(d.slots()), 0.0);
  own = all;
  double sum = 0.0;
  for (std::size_t g = 0; g < all.size(); ++g) {
    if (starts_stratum(d, static_cast<std::int64_t>(g))) sum = 0.0;
    const auto term = [&](std::int64_t i) {
      return at.risk()[static_cast<std::size_t>(i)] * z[static_cast<std::size_t>(i)];
    };
    for (std::int64_t i = d.row_begin[g]; i < d.row_begin[g + 1]; ++i) sum += term(i);
    for (std::int64_t i = d.row_begin[g + 1] - d.deaths[g]; i < d.row_begin[g + 1]; ++i)
      own[g] += term(i);
    for (std::int64_t k = d.leave_begin[g]; k < d.leave_begin[g + 1]; ++k)
      sum -= term(d.leaver[static_cast<std::size_t>(k)]);
    all[g] = sum;
  }
}

/// each * sum_k f_k^m / D_k^3, m = 0..3.
struct Cubes {
  double e[4] = {};
  Cubes(const CoxLikelihood& at, std::size_t g, bool tied) {
    const CoxData& d = at.data();
    const double s = at.at_risk()[g], t = at.at_risk_own()[g];
    if (!tied) {
      e[0] = d.death_weight[g] / s / s / s;
      return;
    }
    const auto deaths = static_cast<double>(d.deaths[g]);
    for (std::int64_t k = 0; k < d.deaths[g]; ++k) {
      const double f = static_cast<double>(k) / deaths, inverse = 1.0 / (s - f * t);
      double term = d.death_weight[g] / deaths * inverse * inverse * inverse;
      for (double& sum : e) {
        sum += term;
        term *= f;
      }
    }
  }
};

}  // namespace

std::vector<double> firth_score(const CoxLikelihood& at, std::span<const double> inverse,
                                const Execution& execution) {
  const CoxData& d = at.data();
  const SlotTerms& s = at.slots();
  const std::int64_t p = d.columns, stride = d.stride;
  Matrix v = Matrix::Zero(stride, stride);
  v.topLeftCorner(p, p) = Eigen::Map<const Matrix>(inverse.data(), p, p);
  const MeanHazard q = mean_hazard(at, execution);
  const std::vector<double> martingale = at.martingale();

  // Rows: risk_i x_i (Lambda_i x_i'V x_i - 2 x_i'V Q_i).
  std::vector<double> size(static_cast<std::size_t>(d.rows()));  // x_i'V x_i
  const std::int64_t rows = block_rows(d.rows());
  const std::int64_t row_blocks = block_count(d.rows(), rows);
  std::vector<Vector> part(static_cast<std::size_t>(row_blocks), Vector::Zero(stride));
  for_each_block(
      d.rows(), execution,
      [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        Vector mean(stride);
        for (std::int64_t at_row = first; at_row < last; ++at_row) {
          if (at_row % 256 == 0) execution.poll();
          const auto i = static_cast<std::size_t>(at_row);
          const Row x(d.x.data() + at_row * stride, stride);
          const Vector vx = v * x;
          size[i] = x.dot(vx);
          mean.setZero();
          q.add(d, at_row, 1.0, mean.data());
          const double met = d.weight[i] * d.churned[i] - martingale[i];  // risk_i Lambda_i
          part[static_cast<std::size_t>(block)] +=
              (met * size[i] - 2.0 * at.risk()[i] * vx.dot(mean)) * x;
        }
      },
      rows);

  // Slots: - m E[x'V x] + 2 m m'V m, summed over ties.
  std::vector<double> all, own;
  sum_at_risk(at, size, all, own);
  std::vector<Vector> slot_part(at.blocks().size(), Vector::Zero(stride));
  for_each_slot(at, execution,
                [&](std::int64_t block, std::int64_t slot, const double* s1, const double* t1) {
                  const auto g = static_cast<std::size_t>(slot);
                  Vector& to = slot_part[static_cast<std::size_t>(block)];
                  const Row sum(s1, stride);
                  const Cubes cube(at, g, t1 != nullptr);
                  const Vector vs = v * sum;
                  const double a = sum.dot(vs);
                  if (!t1) {
                    to += (2.0 * a * cube.e[0] - s.square[g] * all[g]) * sum;
                    return;
                  }
                  const Row died(t1, stride);
                  const double b = died.dot(vs), c = died.dot(v * died);
                  to += (2.0 * (a * cube.e[0] - 2.0 * b * cube.e[1] + c * cube.e[2]) -
                         (s.square[g] * all[g] - s.square_own[g] * own[g])) *
                        sum;
                  to -= (2.0 * (a * cube.e[1] - 2.0 * b * cube.e[2] + c * cube.e[3]) -
                         (s.square_own[g] * all[g] - s.square_own2[g] * own[g])) *
                        died;
                });

  Vector total = Vector::Zero(stride);
  for (const Vector& one : part) total += one;
  for (const Vector& one : slot_part) total += one;
  std::vector<double> out(static_cast<std::size_t>(p));
  for (std::int64_t j = 0; j < p; ++j) out[static_cast<std::size_t>(j)] = 0.5 * total(j);
  return out;
}

}  // namespace tenure::churn::detail
