#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "falling.hpp"
#include "tenure/special/gamma.hpp"
#include "tenure/special/gamma_cross.hpp"
#include "time_varying_mixture.hpp"
#include "time_varying_nodes.hpp"

namespace tenure::clv::time_varying {
namespace {

struct PieceNodes {
  std::int64_t row;
  int begin, end;
  double length, purchase, dropout;  ///< multipliers
};

/// One customer after the other: the integral over the time of leaving.
class Customer {
 public:
  explicit Customer(const Setting& at)
      : at_(at),
        r_(at.parameters[0]),
        alpha_(at.parameters[1]),
        s_(at.parameters[2]),
        beta_(at.parameters[3]),
        purchase_(at.periods.by_purchase),
        dropout_(at.periods.by_dropout),
        slopes_(4 + purchase_.size() + dropout_.size()),
        column_(slopes_ * kNodes),
        in_q_(1 + dropout_.size()),
        q_column_(in_q_ * kNodes),
        mean_q_(in_q_),
        square_q_(in_q_ * (in_q_ + 1) / 2),
        sum_p_(purchase_.size() * (purchase_.size() + 1) / 2),
        sum_q_(dropout_.size() * (dropout_.size() + 1) / 2),
        mixture_(slopes_) {}

  StayOrLeave weigh(std::int64_t i) {
    start(i);
    walk(i, false);
    finish();
    return {stay_, left_, purchase_.time(), dropout_.time()};
  }

  void add(std::int64_t i, double weight, std::vector<double>& out) {
    start(i);
    mixture_.reset();
    std::ranges::fill(mean_q_, 0.0);
    std::ranges::fill(square_q_, 0.0);
    std::ranges::fill(sum_p_, 0.0);
    std::ranges::fill(sum_q_, 0.0);
    walk(i, true);
    finish();
    if (!(std::isfinite(purchase_.time()) && std::isfinite(dropout_.time()))) {
      std::ranges::fill(out, std::numeric_limits<double>::quiet_NaN());
      return;
    }
    curvature_of_leaving();
    add_staying();
    mixture_.weigh();
    // What the gamma functions and the levels of rates add, up to constants of the times.
    const double x = at_.purchases.frequency[i];
    const auto rising = special::gamma_difference(r_, x);
    const double* const bought = at_.periods.at_purchases.data() + i * at_.periods.columns;
    mixture_.value +=
        special::log_gamma_ratio(r_, x) - r_ * log_p0_ - x * std::log(p0_) - s_ * log_q0_;
    mixture_.slope(0) += r_ * rising.digamma;
    mixture_.curve(0, 0) += r_ * rising.digamma + r_ * r_ * rising.trigamma;
    mixture_.slope(1) += r_;
    mixture_.curve(1, 0) += r_;
    mixture_.slope(3) += s_;
    mixture_.curve(3, 2) += s_;
    for (std::size_t j = 0; j < purchase_.size(); ++j) {
      const double z = bought[purchase_.column(j)];
      mixture_.slope(4 + j) += z;
      mixture_.value += z * at_.coefficients[j];
    }
    mixture_.add_to(out, weight);
  }

 private:
  const double* row(std::int64_t r) const {
    return at_.periods.design.data() + r * at_.periods.columns;
  }

  /// Both clocks at t_x.
  void start(std::int64_t i) {
    purchase_.reset();
    dropout_.reset();
    m_ = r_ + at_.purchases.frequency[i];
    t_x_ = at_.purchases.recency[i] * at_.scale;
    age_ = at_.purchases.age[i] * at_.scale;
    each_piece(at_.periods, i, at_.scale, 0.0, t_x_,
               [&](std::int64_t r, double from, double to) { pass(r, to - from); });
    p0_ = alpha_ + purchase_.time();
    q0_ = beta_ + dropout_.time();
    log_p0_ = std::log1p(purchase_.time() / alpha_);
    log_q0_ = std::log1p(dropout_.time() / beta_);
    left_ = 0.0;
  }

  void pass(std::int64_t r, double length) {
    purchase_.advance(length * at_.multiplier.purchase[r], row(r));
    dropout_.advance(length * at_.multiplier.dropout[r], row(r));
  }

  void walk(std::int64_t i, bool slopes) {
    const double cut = falling::cut(m_);
    double a = purchase_.time(), b = dropout_.time();
    bool over = false;
    nodes_.count = 0;
    pieces_.clear();
    each_piece(at_.periods, i, at_.scale, t_x_, age_, [&](std::int64_t r, double from, double to) {
      PieceNodes piece{r,
                       nodes_.count,
                       nodes_.count,
                       to - from,
                       at_.multiplier.purchase[r],
                       at_.multiplier.dropout[r]};
      if (!over) place(piece, alpha_ + a, beta_ + b, cut);
      a += piece.length * piece.purchase;
      b += piece.length * piece.dropout;
      pieces_.push_back(piece);
      if (nodes_.count > kNodes - kMostNodes) {
        sum(slopes);
        // Everything behind is less than what a customer who stays until here weighs.
        over = m_ * std::log((alpha_ + a) / p0_) + s_ * std::log((beta_ + b) / q0_) > 100.0;
      }
    });
    sum(slopes);
  }

  /// Nodes of a piece that begins at P = p, Q = q.
  void place(PieceNodes& piece, double p, double q, double cut) {
    const double in_p = piece.purchase / p, in_q = piece.dropout / q;
    const double rate = falling::rate(m_, in_p, s_, in_q);
    const double length = in_p > 0.0 ? std::min(piece.length, cut / in_p) : piece.length;
    const auto put = [&](double since, double weight) {
      nodes_.put(p + piece.purchase * since, q + piece.dropout * since, since,
                 s_ * piece.dropout * weight);
    };
    if (rate * length <= kLargestPlain) {
      const auto& rule = plain_rule(rate * length);
      for (std::size_t k = 0; k < rule.node.size(); ++k)
        put(rule.node[k] * length, rule.weight[k] * length);
    } else {
      const double range = std::log1p(rate * length);
      const auto& rule = falling::rule(falling::grade_of(range));
      for (std::size_t k = 0; k < rule.node.size(); ++k) {
        const double since = std::expm1(rule.node[k] * range) / rate;
        put(since, rule.weight[k] * range * (since + 1.0 / rate));
      }
    }
    piece.end = nodes_.count;
  }

  /// Adds up the nodes so far and goes on to the end of their pieces.
  void sum(bool slopes) {
    const int full = pad(nodes_, p0_, q0_);
    weigh_nodes(nodes_, full, m_, s_, p0_, q0_);
    for (int k = 0; k < full; ++k) left_ += nodes_.f[k];
    if (slopes) {
      fill_levels(full);
      for (const PieceNodes& piece : pieces_) {
        fill_slopes(piece);
        pass(piece.row, piece.length);
      }
      for (std::size_t c = 4; c < slopes_; ++c)
        std::fill_n(column_.data() + c * kNodes + nodes_.count, full - nodes_.count, 0.0);
      for (std::size_t c = 1; c < in_q_; ++c)
        std::fill_n(q_column_.data() + c * kNodes + nodes_.count, full - nodes_.count, 0.0);
      add_products(nodes_.f, column_.data(), slopes_, full, mixture_.first(), mixture_.second());
      add_products(nodes_.f, q_column_.data(), in_q_, full, mean_q_.data(), square_q_.data());
    } else {
      for (const PieceNodes& piece : pieces_) {
        purchase_.pass(piece.length * piece.purchase);
        dropout_.pass(piece.length * piece.dropout);
      }
    }
    nodes_.count = 0;
    pieces_.clear();
  }

  /// Slopes of the log-density in the logs of the parameters at each node.
  void fill_levels(int full) {
    double* const g = column_.data();
    for (int k = 0; k < full; ++k) {
      g[k] = -r_ * (nodes_.log_p[k] + log_p0_);
      g[kNodes + k] = -m_ * alpha_ * nodes_.in_p[k];
      g[2 * kNodes + k] = 1.0 - s_ * (nodes_.log_q[k] + log_q0_);
      q_column_[static_cast<std::size_t>(k)] = beta_ * nodes_.in_q[k];
      g[3 * kNodes + k] = -(s_ + 1.0) * beta_ * nodes_.in_q[k];
    }
  }

  /// The same in the coefficients, for the nodes of a piece at whose beginning the clocks stand.
  void fill_slopes(const PieceNodes& piece) {
    const double* const z = row(piece.row);
    double sums[4] = {};  // of f/P, f since/P, and the same with Q
    for (int k = piece.begin; k < piece.end; ++k) {
      sums[0] += nodes_.f[k] * nodes_.in_p[k];
      sums[1] += nodes_.f[k] * nodes_.in_p[k] * nodes_.since[k];
      sums[2] += nodes_.f[k] * nodes_.in_q[k];
      sums[3] += nodes_.f[k] * nodes_.in_q[k] * nodes_.since[k];
    }
    add_curves(purchase_, z, piece.purchase, sums, sum_p_);
    add_curves(dropout_, z, piece.dropout, sums + 2, sum_q_);
    for (std::size_t j = 0; j < purchase_.size(); ++j) {
      double* const g = column_.data() + (4 + j) * kNodes;
      const double at = purchase_.slope(j), by = piece.purchase * z[purchase_.column(j)];
      for (int k = piece.begin; k < piece.end; ++k)
        g[k] = -m_ * (at + by * nodes_.since[k]) * nodes_.in_p[k];
    }
    for (std::size_t j = 0; j < dropout_.size(); ++j) {
      double* const g = column_.data() + (4 + purchase_.size() + j) * kNodes;
      double* const w = q_column_.data() + (1 + j) * kNodes;
      const double y = z[dropout_.column(j)];
      const double at = dropout_.slope(j), by = piece.dropout * y;
      for (int k = piece.begin; k < piece.end; ++k) {
        w[k] = (at + by * nodes_.since[k]) * nodes_.in_q[k];
        g[k] = y - (s_ + 1.0) * w[k];
      }
    }
  }

  static void add_curves(const Clock& clock, const double* z, double multiplier, const double* sums,
                         std::vector<double>& out) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < clock.size(); ++i) {
      const double by = multiplier * z[clock.column(i)] * sums[1];
      for (std::size_t j = 0; j <= i; ++j, ++at)
        out[at] += clock.curve(at) * sums[0] + by * z[clock.column(j)];
    }
  }

  void finish() {
    const double p = alpha_ + purchase_.time(), q = beta_ + dropout_.time();
    stay_ = -m_ * std::log(p / p0_) - s_ * std::log(q / q0_);
  }

  /// Second derivatives of the log-density, summed over the nodes of those who left.
  void curvature_of_leaving() {
    mixture_.mass() = left_;
    const double rm = r_ / m_;
    const double* const first = mixture_.first();
    mixture_.extra(0, 0) += first[0];
    mixture_.extra(1, 0) += rm * first[1];
    mixture_.extra(1, 1) += first[1] + mixture_.squares(1, 1) / m_;
    for (std::size_t j = 0; j < purchase_.size(); ++j) {
      mixture_.extra(4 + j, 0) += rm * first[4 + j];
      mixture_.extra(4 + j, 1) += mixture_.squares(4 + j, 1) / m_;
      for (std::size_t l = 0; l <= j; ++l)
        mixture_.extra(4 + j, 4 + l) +=
            mixture_.squares(4 + j, 4 + l) / m_ - m_ * sum_p_[packed(j, l)];
    }
    add_dropout_curvature(s_ + 1.0, first[2] - left_, mean_q_, square_q_, sum_q_);
  }

  /// `log_slope`: sum of -s log Q; means and squares of the slopes of Q over Q.
  void add_dropout_curvature(double power, double log_slope, const std::vector<double>& mean,
                             const std::vector<double>& square, const std::vector<double>& curve) {
    const std::size_t from = 4 + purchase_.size();
    mixture_.extra(2, 2) += log_slope;
    mixture_.extra(3, 2) -= s_ * mean[0];
    mixture_.extra(3, 3) += power * (square[0] - mean[0]);
    for (std::size_t j = 0; j < dropout_.size(); ++j) {
      mixture_.extra(from + j, 2) -= s_ * mean[1 + j];
      mixture_.extra(from + j, 3) += power * square[packed(1 + j, 0)];
      for (std::size_t l = 0; l <= j; ++l)
        mixture_.extra(from + j, from + l) +=
            power * (square[packed(1 + j, 1 + l)] - curve[packed(j, l)]);
    }
  }

  /// The atom at T of a customer who stayed; the clocks stand there.
  void add_staying() {
    const double f = std::exp(stay_);
    const double p = alpha_ + purchase_.time(), q = beta_ + dropout_.time();
    std::vector<double>& g = staying_;
    g.assign(slopes_, 0.0);
    std::vector<double> w(in_q_), square(square_q_.size()), curve(sum_q_.size());
    g[0] = -r_ * std::log1p(purchase_.time() / alpha_);
    g[1] = -m_ * alpha_ / p;
    g[2] = -s_ * std::log1p(dropout_.time() / beta_);
    w[0] = beta_ / q;
    g[3] = -s_ * w[0];
    for (std::size_t j = 0; j < purchase_.size(); ++j) g[4 + j] = -m_ * purchase_.slope(j) / p;
    for (std::size_t j = 0; j < dropout_.size(); ++j) {
      w[1 + j] = dropout_.slope(j) / q;
      g[4 + purchase_.size() + j] = -s_ * w[1 + j];
    }
    mixture_.add(f, g);
    const double rm = r_ / m_;
    mixture_.extra(0, 0) += f * g[0];
    mixture_.extra(1, 0) += f * rm * g[1];
    mixture_.extra(1, 1) += f * (g[1] + g[1] * g[1] / m_);
    for (std::size_t j = 0; j < purchase_.size(); ++j) {
      mixture_.extra(4 + j, 0) += f * rm * g[4 + j];
      mixture_.extra(4 + j, 1) += f * g[4 + j] * g[1] / m_;
      for (std::size_t l = 0; l <= j; ++l)
        mixture_.extra(4 + j, 4 + l) +=
            f * (g[4 + j] * g[4 + l] / m_ - m_ * purchase_.curve(packed(j, l)) / p);
    }
    for (std::size_t i = 0; i < in_q_; ++i)
      for (std::size_t j = 0; j <= i; ++j) square[packed(i, j)] = f * w[i] * w[j];
    for (std::size_t k = 0; k < curve.size(); ++k) curve[k] = f * dropout_.curve(k) / q;
    for (double& v : w) v *= f;
    add_dropout_curvature(s_, f * g[2], w, square, curve);
  }

  const Setting& at_;
  double r_, alpha_, s_, beta_;
  Clock purchase_, dropout_;
  std::size_t slopes_;
  std::vector<double> column_;  ///< slopes_ x kNodes
  std::size_t in_q_;
  std::vector<double> q_column_;  ///< slopes of Q over Q: in log beta, in coefficients of dropout
  std::vector<double> mean_q_, square_q_, sum_p_, sum_q_, staying_;
  Mixture mixture_;
  Nodes nodes_;
  std::vector<PieceNodes> pieces_;
  double m_ = 0, t_x_ = 0, age_ = 0, p0_ = 0, q0_ = 0, log_p0_ = 0, log_q0_ = 0;
  double left_ = 0, stay_ = 0;
};

}  // namespace

Sums pareto_nbd_sums(const Setting& at, std::int64_t from, std::int64_t to) {
  Customer customer(at);
  Sums sums{std::vector<double>(at.size())};
  for (std::int64_t i = from; i < to; ++i)
    if (const double weight = at.weight(i); weight > 0.0) customer.add(i, weight, sums.of);
  return sums;
}

void pareto_nbd_weigh(const Setting& at, std::int64_t from, std::int64_t to, StayOrLeave* out) {
  Customer customer(at);
  for (std::int64_t i = from; i < to; ++i) out[i - from] = customer.weigh(i);
}

}  // namespace tenure::clv::time_varying
