#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

#include "latent_class_steps.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::segment::detail {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// Of an information scaled to a unit diagonal: eigenvalues below are a direction without any.
constexpr double kSingular = 1e-9;
constexpr std::int64_t kPolledRows = 64;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

struct Sums {
  double log_likelihood = 0.0;
  std::vector<double> score, matrix, by_answer;

  Sums& operator+=(const Sums& o) {
    log_likelihood += o.log_likelihood;
    for (std::size_t i = 0; i < score.size(); ++i) score[i] += o.score[i];
    for (std::size_t i = 0; i < matrix.size(); ++i) matrix[i] += o.matrix[i];
    for (std::size_t i = 0; i < by_answer.size(); ++i) by_answer[i] += o.by_answer[i];
    return *this;
  }
};

/// A free log-odds of an answer: the class it belongs to, its item, its probability.
struct Answer {
  std::int64_t cls, item, level;
  double probability;
};

}  // namespace

/// With s_c the score of a row whose class c is known and p_c its posterior, the information is
/// sum of w (sum p_c (-H_c) - sum p_c s_c s_c' + s s'), s = sum p_c s_c. [Louis 1982, eq. 3.2']
ClassInformation information(const ClassProblem& p, const ClassParameters& at) {
  const std::int64_t k = p.classes, terms = p.patterns.terms, items = p.patterns.items();
  const std::int64_t coefficients = (k - 1) * terms;
  ClassInformation out;
  std::vector<Answer> answers;
  std::vector<std::int64_t> first_of_class{0};
  for (std::int64_t c = 0; c < k; ++c) {
    for (std::int64_t j = 0; j < items; ++j) {
      const auto from = at.answer.begin() + c * p.levels + p.offset[index(j)];
      const std::int64_t reference =
          std::max_element(from, from + p.patterns.levels[index(j)]) - from;
      for (std::int64_t l = 0; l < p.patterns.levels[index(j)]; ++l)
        if (l != reference && from[l] > 0.0) {
          answers.push_back({c, j, l, from[l]});
          out.level.push_back(c * p.levels + p.offset[index(j)] + l);
          out.reference.push_back(c * p.levels + p.offset[index(j)] + reference);
        }
    }
    first_of_class.push_back(std::ssize(answers));
  }
  const std::int64_t n = coefficients + std::ssize(answers);
  const ClassPoint point = as_point(p, at);
  const Posterior posterior(p, point);
  // Blocks hold n^2 sums: larger ones for many parameters.
  const std::int64_t block_rows = std::max<std::int64_t>(kBlockRows, n * n / 8);
  const Sums none{0.0, std::vector<double>(index(n)), std::vector<double>(index(n * n)),
                  std::vector<double>(answers.size())};
  const Sums sums = block_reduce(
      p.patterns.rows, p.execution, none,
      [&](std::int64_t first, std::int64_t last) {
        Sums of = none;
        std::vector<double> prior(index(k)), post(index(k)), s(answers.size()), mean(index(n));
        for (std::int64_t i = first; i < last; ++i) {
          if (i % kPolledRows == 0) p.execution.poll();
          const double w = p.weight(i);
          if (!(w > 0.0)) continue;
          of.log_likelihood += w * posterior(i, prior.data(), post.data());
          const double* const z = p.design(i);
          const std::int32_t* const code = p.code(i);
          for (std::int64_t c = 1; c < k; ++c)
            for (std::int64_t t = 0; t < terms; ++t)
              mean[index((c - 1) * terms + t)] = (post[index(c)] - prior[index(c)]) * z[t];
          for (std::size_t a = 0; a < answers.size(); ++a) {
            const Answer& answer = answers[a];
            const std::int32_t seen = code[answer.item];
            s[a] = seen < 0 ? 0.0 : (seen == answer.level ? 1.0 : 0.0) - answer.probability;
            mean[index(coefficients) + a] = post[index(answer.cls)] * s[a];
            if (seen >= 0) of.by_answer[a] += w * post[index(answer.cls)];
          }
          double* row = of.matrix.data();
          for (std::int64_t a = 0; a < coefficients; ++a, row += n) {
            of.score[index(a)] += w * mean[index(a)];
            const std::int64_t ca = a / terms + 1;
            for (std::int64_t b = 0; b <= a; ++b) {
              const std::int64_t cb = b / terms + 1;
              const double both = post[index(ca)] * post[index(cb)] -
                                  prior[index(ca)] * prior[index(cb)] +
                                  (ca == cb ? prior[index(ca)] - post[index(ca)] : 0.0);
              row[b] += w * both * z[a % terms] * z[b % terms];
            }
          }
          for (std::int64_t a = coefficients; a < n; ++a, row += n) {
            const std::int64_t own = answers[index(a - coefficients)].cls;
            const double here = w * mean[index(a)];
            of.score[index(a)] += here;
            for (std::int64_t b = 0; b < coefficients; ++b) {
              const std::int64_t cb = b / terms + 1;
              row[b] += here * (post[index(cb)] - (cb == own ? 1.0 : 0.0)) * z[b % terms];
            }
            for (std::int64_t b = coefficients; b <= a; ++b) row[b] += here * mean[index(b)];
            for (std::int64_t b = first_of_class[index(own)]; b <= a - coefficients; ++b)
              row[coefficients + b] -= here * s[index(b)];
          }
        }
        return of;
      },
      block_rows);

  out.log_likelihood = sums.log_likelihood;
  out.score = sums.score;
  out.matrix = sums.matrix;
  for (std::int64_t a = 0; a < std::ssize(answers); ++a)
    for (std::int64_t b = 0; b <= a; ++b) {
      const Answer &x = answers[index(a)], &y = answers[index(b)];
      if (x.cls == y.cls && x.item == y.item)
        out.matrix[index((coefficients + a) * n + coefficients + b)] +=
            sums.by_answer[index(a)] * x.probability * ((a == b ? 1.0 : 0.0) - y.probability);
    }
  for (std::int64_t a = 0; a < n; ++a)
    for (std::int64_t b = 0; b < a; ++b)
      out.matrix[index(b * n + a)] = out.matrix[index(a * n + b)];
  return out;
}

namespace {

/// Inverse of an information scaled to a unit diagonal, its null space left out.
struct Inverse {
  Eigen::MatrixXd matrix;
  std::vector<std::uint8_t> known;  ///< by parameter: its row does not touch the null space
  std::int64_t rank = 0;
  bool positive = true;
};

Inverse inverse_of(const ClassInformation& of) {
  const std::int64_t n = of.size();
  Inverse out{Eigen::MatrixXd::Zero(n, n), std::vector<std::uint8_t>(index(n), 1)};
  if (n == 0) return out;
  const Eigen::Map<const Eigen::MatrixXd> raw(of.matrix.data(), n, n);
  Eigen::VectorXd scale(n);
  for (std::int64_t i = 0; i < n; ++i)
    scale[i] = raw(i, i) > 0.0 ? 1.0 / std::sqrt(raw(i, i)) : 1.0;
  const Eigen::MatrixXd unit = scale.asDiagonal() * raw * scale.asDiagonal();
  if (!unit.allFinite()) {
    out.known.assign(index(n), 0);
    out.positive = false;
    return out;
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(unit);
  for (std::int64_t e = 0; e < n; ++e) {
    const auto v = eigen.eigenvectors().col(e);
    if (eigen.eigenvalues()[e] > kSingular) {
      ++out.rank;
      out.matrix +=
          (scale.asDiagonal() * v) * (scale.asDiagonal() * v).transpose() / eigen.eigenvalues()[e];
    } else {
      out.positive = false;
      for (std::int64_t i = 0; i < n; ++i)
        if (std::abs(v[i]) > 1e-3) out.known[index(i)] = 0;
    }
  }
  return out;
}

/// The parameters after a step in the log-odds.
ClassParameters moved(const ClassProblem& p, const ClassParameters& at, const ClassInformation& of,
                      const Eigen::VectorXd& step) {
  ClassParameters to = at;
  const auto coefficients = std::ssize(at.beta);
  for (std::int64_t i = 0; i < coefficients; ++i) to.beta[index(i)] += step[i];
  for (std::size_t a = 0; a < of.level.size(); ++a)
    to.answer[index(of.level[a])] *= std::exp(step[coefficients + static_cast<std::int64_t>(a)]);
  for (std::int64_t c = 0; c < p.classes; ++c)
    for (std::int64_t j = 0; j < p.patterns.items(); ++j) {
      const auto from = to.answer.begin() + c * p.levels + p.offset[index(j)];
      double sum = 0.0;
      for (std::int64_t l = 0; l < p.patterns.levels[index(j)]; ++l) sum += from[l];
      for (std::int64_t l = 0; l < p.patterns.levels[index(j)]; ++l) from[l] /= sum;
    }
  return to;
}

/// Standard errors of the shares, of coefficients and of the log-odds of answers.
void set_errors(const ClassProblem& p, const ClassInformation& of, const Inverse& inverse,
                LatentClassFit& fit) {
  const std::int64_t k = p.classes, terms = p.patterns.terms, b = (k - 1) * terms;
  const auto known = [&](std::int64_t i) { return inverse.known[index(i)] != 0; };
  fit.beta_covariance.assign(index(b * b), kNaN);
  bool all = true;
  for (std::int64_t i = 0; i < b; ++i) {
    all = all && known(i);
    for (std::int64_t j = 0; j < b; ++j)
      if (known(i) && known(j)) fit.beta_covariance[index(i * b + j)] = inverse.matrix(i, j);
  }

  // Shares are means of P(class | z): their gradient about the coefficients, by the chain rule.
  const ClassPoint point = as_point(p, fit.at);
  const Posterior posterior(p, point);
  Eigen::MatrixXd gradient = Eigen::MatrixXd::Zero(k, b);
  fit.share.assign(index(k), 0.0);
  std::vector<double> prior(index(k)), post(index(k));
  for (std::int64_t i = 0; i < p.patterns.rows; ++i) {
    if (i % kPolledRows == 0) p.execution.poll();
    posterior(i, prior.data(), post.data());
    const double w = p.weight(i) / p.total_weight;
    for (std::int64_t c = 0; c < k; ++c) {
      fit.share[index(c)] += w * prior[index(c)];
      for (std::int64_t m = 1; m < k; ++m)
        for (std::int64_t t = 0; t < terms; ++t)
          gradient(c, (m - 1) * terms + t) +=
              w * prior[index(c)] * ((c == m ? 1.0 : 0.0) - prior[index(m)]) * p.design(i)[t];
    }
  }
  fit.share_se.assign(index(k), kNaN);
  const Eigen::MatrixXd of_shares =
      gradient * inverse.matrix.topLeftCorner(b, b) * gradient.transpose();
  for (std::int64_t c = 0; c < k && all; ++c)
    fit.share_se[index(c)] = std::sqrt(std::max(0.0, of_shares(c, c)));

  fit.answer_se.assign(index(k * p.levels), kNaN);
  fit.boundary.assign(index(k * p.levels), 0);
  for (std::int64_t c = 0; c < k; ++c)
    for (std::int64_t j = 0; j < p.patterns.items(); ++j) {
      const std::int64_t first = c * p.levels + p.offset[index(j)];
      const std::int64_t last = first + p.patterns.levels[index(j)];
      std::vector<std::int64_t> free;  // positions in the information
      bool told = true;
      for (std::size_t a = 0; a < of.level.size(); ++a)
        if (of.level[a] >= first && of.level[a] < last) {
          free.push_back(b + static_cast<std::int64_t>(a));
          told = told && known(free.back());
        }
      for (std::int64_t l = first; l < last; ++l) {
        const double q = fit.at.answer[index(l)];
        fit.boundary[index(l)] = p.patterns.levels[index(j)] > 1 && (!(q > 0.0) || free.empty());
        if (!told || free.empty() || !(q > 0.0)) continue;
        // d q / d eta_m = q (1{l = m} - q_m), and d logit(q) = d q / (q (1 - q)).
        Eigen::VectorXd slope(std::ssize(free));
        for (std::int64_t m = 0; m < std::ssize(free); ++m) {
          const std::int64_t level = of.level[index(free[index(m)] - b)];
          slope[m] = ((level == l ? 1.0 : 0.0) - fit.at.answer[index(level)]) / (1.0 - q);
        }
        double variance = 0.0;
        for (std::int64_t m = 0; m < std::ssize(free); ++m)
          for (std::int64_t o = 0; o < std::ssize(free); ++o)
            variance += slope[m] * slope[o] * inverse.matrix(free[index(m)], free[index(o)]);
        fit.answer_se[index(l)] = std::sqrt(std::max(0.0, variance));
      }
    }
}

}  // namespace

void finish(const ClassProblem& p, ClassParameters at, bool em_ended, LatentClassFit& fit) {
  ClassInformation here = information(p, at);
  Inverse inverse = inverse_of(here);
  bool small = false;
  for (int step_count = 0; step_count < 30 && inverse.positive && !small; ++step_count) {
    const Eigen::Map<const Eigen::VectorXd> score(here.score.data(), here.size());
    Eigen::VectorXd step = inverse.matrix * score;
    // Half of it is what the quadratic model has left to gain, in units of log-likelihood.
    small = score.dot(step) <= 1e-12;
    if (small) break;
    bool better = false;
    for (int halving = 0; halving < 12 && !better; ++halving, step *= 0.5) {
      ClassParameters next = moved(p, at, here, step);
      ClassInformation there = information(p, next);
      better = there.log_likelihood >= here.log_likelihood;
      if (!better) continue;
      at = std::move(next);
      here = std::move(there);
    }
    // Where rounding hides any further gain, the maximum is reached as far as doubles can tell.
    if (!better) {
      small = score.dot(inverse.matrix * score) <= 1e-7;
      break;
    }
    inverse = inverse_of(here);
  }
  fit.at = std::move(at);
  const ClassCounts counts = expect(p, as_point(p, fit.at), nullptr);
  fit.log_likelihood = counts.log_likelihood;
  fit.entropy = counts.entropy;
  fit.status = !inverse.positive && em_ended ? LatentClassStatus::unidentified
               : small                       ? LatentClassStatus::converged
                                             : LatentClassStatus::max_iterations;
  fit.parameters = (p.classes - 1) * p.patterns.terms + p.classes * (p.levels - p.patterns.items());
  fit.free_parameters = here.size();
  fit.rank = inverse.rank;
  set_errors(p, here, inverse, fit);
}

}  // namespace tenure::segment::detail
