#pragma once
#include <vector>

#include "tenure/clv/pareto_nbd.hpp"

namespace tenure::clv {

/// The future of a customer who is alive after `x` repeat purchases at age `age`: that of a new
/// customer whose purchase rate is gamma(r + x, alpha + T) and who leaves at a rate that is
/// gamma(s, beta + T).
class ParetoNbdFuture {
 public:
  ParetoNbdFuture(const ParetoNbdParameters& p, double x, double age)
      : r_(p.r + x), alpha_(p.alpha + age), s_(p.s), beta_(p.beta + age) {}

  double alive(double time) const;            ///< P(still alive after that time)
  double pmf(double n, double time) const;    ///< P(n purchases within)
  double tail(double n, double time) const;   ///< P(at least n purchases within), n >= 1
  double waits(double share) const;           ///< time of which P(first purchase by then) = share
  double mean_if_staying(double time) const;  ///< purchases of one who does not leave
  double first_density(double time) const;    ///< density of the time of the first purchase

  /// P(at least n purchases within a time) for n = 1, 2, ..., each from the one before. Holds the
  /// purchases until each node of a quadrature over the time of leaving.
  class Walk {
   public:
    Walk(const ParetoNbdFuture& future, double time);
    double next();

   private:
    struct Node {
      double weight, z, pmf, below;
    };
    double r_, n_ = 0.0;
    std::vector<Node> nodes_;
  };

 private:
  template <class Node>
  void integrate(double from, double to, double longest, const Node& node) const;
  template <class Node>
  void over_time(double n, double time, const Node& node) const;
  double first_by(double time) const;   ///< P(first purchase by then)
  double leaves_at(double time) const;  ///< density of the time of leaving
  double log_pmf_if_staying(double n, double time) const;
  double r_, alpha_, s_, beta_;
};

/// Of rows [0, n), n at most kParetoNbdChunk: the likelihood of having stayed until T, and of
/// having left in (t_x, T], both relative to the density at t_x; the first as a logarithm.
inline constexpr int kParetoNbdChunk = 64;
void weigh(const ParetoNbdParameters& p, const double* x, const double* t_x, const double* age,
           int n, double* log_stay, double* leave);

/// Time from T on after which, without another purchase, log(P(alive) / (1 - P(alive))) has fallen
/// to `log_odds`; 0 if it is there already.
double lapse_after(const ParetoNbdParameters& p, double x, double t_x, double age, double log_odds);

}  // namespace tenure::clv
