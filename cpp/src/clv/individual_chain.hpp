#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "tenure/clv/individual.hpp"
#include "tenure/optim/random_blocks.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/support/random.hpp"

/// The sampler that the models of individual customers share. A chain alternates between the
/// customers, each by a random walk in the logarithms of his rates, and the population. Whether and
/// when a customer left is integrated out of both, and drawn where a draw is kept.
namespace tenure::clv {

inline constexpr std::int64_t kLanes = 256;  // customers side by side
/// Passes over the customers that make them forget a population drawn without them; and the draws
/// of such a population from one pass to the next while their steps learn.
inline constexpr int kApart = 8;
/// Logarithms of rates farther from 0 count as impossible: no exponential of one overflows.
inline constexpr double kFarthest = 300.0;

/// Columns of the customers as the kernels read them; they outlive the chains.
struct Histories {
  std::int64_t rows;
  const double *frequency, *recency, *age;
  std::vector<double> silence;            ///< T - t_x
  std::span<const double> log_gaps = {};  ///< empty where the model needs none
  double mean_age;                        ///< 1 where all are 0

  explicit Histories(const RepeatPurchases& p)
      : rows(p.rows()),
        frequency(p.frequency.data()),
        recency(p.recency.data()),
        age(p.age.data()),
        silence(static_cast<std::size_t>(rows)) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < rows; ++i) {
      silence[static_cast<std::size_t>(i)] = age[i] - recency[i];
      sum += age[i] / static_cast<double>(rows);
    }
    mean_age = sum > 0.0 ? sum : 1.0;
  }
};

/// Logarithms of the rates of some customers, one pointer a rate.
template <std::size_t Rates>
using Logs = std::array<const double*, Rates>;

/// Where all customers are, and their log-likelihoods there.
template <std::size_t Rates>
struct Positions {
  std::array<Buffer<double>, Rates> logs;
  Buffer<double> log_likelihood;

  explicit Positions(std::int64_t rows) : log_likelihood(rows) {
    for (auto& column : logs) column = Buffer<double>(rows);
  }
  Logs<Rates> at(std::int64_t row) const {
    Logs<Rates> pointers;
    for (std::size_t r = 0; r < Rates; ++r) pointers[r] = logs[r].data() + row;
    return pointers;
  }
};

/// Moves all customers at once: move(from, count, out) writes their new logarithms, one pointer a
/// rate, into `to`, and returns what else counts. Sums that and the log-likelihoods there.
template <class Population, class Move>
double evaluate_moved(const Population& population, Positions<Population::kRates>& to,
                      const Execution& execution, const Move& move) {
  double sum = 0.0;
  const std::int64_t rows = to.log_likelihood.size();
  for (std::int64_t from = 0; from < rows; from += kLanes) {
    execution.poll();
    const std::int64_t count = std::min(kLanes, rows - from);
    std::array<double*, Population::kRates> out;
    for (std::size_t r = 0; r < out.size(); ++r) out[r] = to.logs[r].data() + from;
    sum += move(from, count, out);
    double* values = to.log_likelihood.data() + from;
    population.log_likelihood(from, count, to.at(from), values);
    for (std::int64_t i = 0; i < count; ++i) sum += values[i];
  }
  return sum;
}

/// A Population has
///   kRates, kSteps                           rates of a customer, and random steps of his a sweep
///   kMarginal                                whether it draws the population with the customers'
///                                            rates integrated out, and has log_likelihood_of_all()
///   Population(setup, histories, random, positions)   starts itself and the customers
///   parameters()                             of the population
///   log_likelihood(from, count, logs, out)   of rows [from, from + count) given their rates
///   log_density(from, count, logs, out)      of the logarithms, up to a constant
///   leap(from, count, out, random)           turns standard normals into draws from a guess of
///                                            each customer's posterior
///   log_leap_density(from, count, logs, out) of that guess, up to a constant of the row
///   spread(row, rate)                        about how far the logarithm may lie from its mean
///   update(positions, random, learns, execution)      draws the population, and may move everybody
///   record(out)                              writes the parameters
///   lifetime(row, rates, random)             draws when the customer leaves, given the rates
template <class Population>
class IndividualChain {
 public:
  static constexpr std::size_t kRates = Population::kRates;

  template <class Setup>
  IndividualChain(const Setup& setup, const Histories& histories, const IndividualOptions& options,
                  std::int64_t number, const Execution& execution)
      : histories_(histories),
        options_(options),
        number_(number),
        execution_(execution),
        random_(options.seed, static_cast<std::uint64_t>(number)),
        blocks_(options.seed, kBlockStreams | static_cast<std::uint64_t>(number)),
        here_(histories.rows),
        scale_(histories.rows),
        population_(setup, histories, random_, here_, execution) {
    for (std::size_t r = 0; r < kRates; ++r) spread_[r] = Buffer<double>(histories.rows);
    for (std::int64_t i = 0; i < histories.rows; ++i) {
      scale_[i] = 2.4 / std::sqrt(static_cast<double>(kRates));
      for (std::size_t r = 0; r < kRates; ++r) spread_[r][i] = population_.spread(i, r);
    }
    for (std::int64_t from = 0; from < histories.rows; from += kLanes)
      population_.log_likelihood(from, std::min(kLanes, histories.rows - from), here_.at(from),
                                 here_.log_likelihood.data() + from);
  }

  void run(IndividualDraws& out) {
    const bool drawn = options_.held.empty();
    // A population that does not look at the customers needs them only where a draw is kept.
    const bool apart = drawn && Population::kMarginal;
    std::int64_t walks = 0;
    for (std::int64_t t = 0; t < options_.warmup; ++t) {
      if (!apart || t % kApart == 0)
        walk(std::min(1.0, 3.0 * std::pow(static_cast<double>(++walks), -0.6)));
      if (drawn) population_.update(here_, random_, true, execution_);
    }
    accepted_ = 0.0;
    walks = 0;
    for (std::int64_t d = 0; d < options_.draws; ++d) {
      for (std::int64_t s = 0; s < options_.sweeps; ++s) {
        if (!apart) {
          walk(0.0);
          ++walks;
        }
        if (drawn) population_.update(here_, random_, false, execution_);
      }
      for (int s = 0; apart && keeps(d) && s < kApart; ++s) {
        walk(0.0);
        ++walks;
      }
      record(d, apart, out);
    }
    const auto steps = static_cast<double>(histories_.rows) * static_cast<double>(walks * kSteps);
    out.acceptance[static_cast<std::size_t>(number_)] = accepted_ / steps;
  }

 private:
  static constexpr int kSteps = Population::kSteps;  // of each customer a sweep
  static constexpr double kBestAcceptance = 0.35;
  static constexpr std::uint64_t kBlockStreams = std::uint64_t{1} << 62;

  /// Steps of every customer; with a gain above 0 the length of steps learns.
  void walk(double gain) {
    const double longer = std::exp(gain * (1.0 - kBestAcceptance));
    const double shorter = std::exp(-gain * kBestAcceptance);
    for (std::int64_t from = 0; from < histories_.rows; from += kLanes) {
      execution_.poll();
      const std::int64_t count = std::min(kLanes, histories_.rows - from);
      for (int s = 0; s < kSteps; ++s) step(from, count, longer, shorter);
      leap(from, count);
    }
  }

  /// A proposal of one step for each of some customers, and what it is worth.
  struct Proposal {
    double logs[kRates][kLanes];
    double likelihood[kLanes], density[kLanes], before[kLanes];
  };

  /// A random walk.
  void step(std::int64_t from, std::int64_t count, double longer, double shorter) {
    Proposal p;
    blocks_.normals({&p.logs[0][0], kRates * kLanes});
    double* scale = scale_.data() + from;
    for (std::size_t r = 0; r < kRates; ++r) {
      const double* at = here_.logs[r].data() + from;
      const double* spread = spread_[r].data() + from;
      for (std::int64_t i = 0; i < count; ++i)
        p.logs[r][i] = at[i] + scale[i] * spread[i] * p.logs[r][i];
    }
    weigh(from, count, p);
    accepted_ += settle(from, count, p, [&](std::int64_t i, bool taken) {
      scale[i] = std::clamp(scale[i] * (taken ? longer : shorter), 1e-9, 1e3);
    });
  }

  /// A proposal from elsewhere: far steps for those of whom little is known.
  void leap(std::int64_t from, std::int64_t count) {
    Proposal p;
    double there[kLanes], here[kLanes];
    blocks_.normals({&p.logs[0][0], kRates * kLanes});
    std::array<double*, kRates> out;
    for (std::size_t r = 0; r < kRates; ++r) out[r] = p.logs[r];
    population_.leap(from, count, out, random_);
    weigh(from, count, p);
    population_.log_leap_density(from, count, logs_of(p), there);
    population_.log_leap_density(from, count, here_.at(from), here);
    for (std::int64_t i = 0; i < count; ++i) {
      p.density[i] -= there[i];
      p.before[i] -= here[i];
    }
    settle(from, count, p, [](std::int64_t, bool) {});
  }

  static Logs<kRates> logs_of(const Proposal& p) {
    Logs<kRates> logs;
    for (std::size_t r = 0; r < kRates; ++r) logs[r] = p.logs[r];
    return logs;
  }

  void weigh(std::int64_t from, std::int64_t count, Proposal& p) const {
    population_.log_likelihood(from, count, logs_of(p), p.likelihood);
    population_.log_density(from, count, logs_of(p), p.density);
    population_.log_density(from, count, here_.at(from), p.before);
  }

  /// Takes proposals or not; returns how many.
  template <class Told>
  double settle(std::int64_t from, std::int64_t count, const Proposal& p, const Told& told) {
    double uniform[kLanes];
    blocks_.uniforms(uniform);
    double* now = here_.log_likelihood.data() + from;
    double taken = 0.0;
    for (std::int64_t i = 0; i < count; ++i) {
      // What has no density, or one that is no number, is refused: NaN compares false.
      const double gain = (p.likelihood[i] - now[i]) + (p.density[i] - p.before[i]);
      const bool takes = gain >= 0.0 || uniform[i] < std::exp(gain);
      if (takes) {
        for (std::size_t r = 0; r < kRates; ++r) here_.logs[r][from + i] = p.logs[r][i];
        now[i] = p.likelihood[i];
        taken += 1.0;
      }
      told(i, takes);
    }
    return taken;
  }

  bool keeps(std::int64_t draw) const {
    return (draw + 1) * options_.kept / options_.draws > draw * options_.kept / options_.draws;
  }

  void record(std::int64_t draw, bool apart, IndividualDraws& out) {
    const std::int64_t at = number_ * options_.draws + draw;
    population_.record(std::span(out.population)
                           .subspan(static_cast<std::size_t>(at * out.parameters),
                                    static_cast<std::size_t>(out.parameters)));
    double sum = 0.0;
    if constexpr (Population::kMarginal) {
      if (apart) sum = population_.log_likelihood_of_all();
    }
    if (!apart)
      for (const double value : here_.log_likelihood.span()) sum += value;
    out.log_likelihood[static_cast<std::size_t>(at)] = sum;

    if (!keeps(draw)) return;
    const std::int64_t slot = draw * options_.kept / options_.draws;
    const std::int64_t first = number_ * options_.kept + slot;
    for (std::int64_t i = 0; i < histories_.rows; ++i) {
      if ((i & 255) == 0) execution_.poll();
      std::array<double, kRates> rates;
      for (std::size_t r = 0; r < kRates; ++r) {
        rates[r] = std::exp(here_.logs[r][i]);
        const std::int64_t row =
            first * static_cast<std::int64_t>(kRates) + static_cast<std::int64_t>(r);
        out.individual[row * histories_.rows + i] = rates[r];
      }
      out.lifetime[first * histories_.rows + i] = population_.lifetime(i, rates, random_);
    }
  }

  const Histories& histories_;
  const IndividualOptions& options_;
  std::int64_t number_;
  const Execution& execution_;
  RandomStream random_;
  optim::RandomBlocks blocks_;
  Positions<kRates> here_;
  Buffer<double> scale_;
  std::array<Buffer<double>, kRates> spread_;
  Population population_;
  double accepted_ = 0.0;
};

/// All chains, each a task with a stream of its own.
template <class Population, class Setup>
IndividualDraws run_chains(const Setup& setup, const Histories& histories,
                           const IndividualOptions& options, std::int64_t parameters,
                           const Execution& execution) {
  IndividualDraws out;
  out.parameters = parameters;
  out.rates = static_cast<std::int64_t>(Population::kRates);
  const auto all = static_cast<std::size_t>(options.chains * options.draws);
  out.population.resize(all * static_cast<std::size_t>(parameters));
  out.log_likelihood.resize(all);
  out.acceptance.resize(static_cast<std::size_t>(options.chains));
  const std::int64_t kept = options.chains * options.kept * histories.rows;
  out.individual = Buffer<double>(kept * out.rates);
  out.lifetime = Buffer<double>(kept);
  for_each_task(options.chains, execution, [&](std::int64_t chain) {
    IndividualChain<Population>(setup, histories, options, chain, execution).run(out);
  });
  return out;
}

}  // namespace tenure::clv
