#pragma once
#include <atomic>
#include <chrono>
#include <functional>

#include "tenure/support/errors.hpp"

namespace tenure {

/// Asks, at most every 10 ms and only from the thread that made it, whether the user wants to stop.
/// Other threads see the answer through an atomic flag.
class Interrupt {
 public:
  explicit Interrupt(std::function<bool()> requested)
      : requested_(std::move(requested)), next_(Clock::now() + kEvery) {}

  /// From the calling thread only: asks when it is time to, then throws Interrupted if stopped.
  void poll() {
    const auto now = Clock::now();
    if (now >= next_) {
      next_ = now + kEvery;
      if (requested_()) stop_.store(true, std::memory_order_relaxed);
    }
    check();
  }

  /// From any thread.
  void check() const {
    if (stop_.load(std::memory_order_relaxed)) throw Interrupted();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kEvery{10};
  std::function<bool()> requested_;
  Clock::time_point next_;
  std::atomic<bool> stop_{false};
};

/// How a kernel runs; never what it computes: results are the same bits for every value.
struct Execution {
  int threads = 1;
  Interrupt* interrupt = nullptr;  ///< absent: the call cannot be interrupted

  /// For loops on the calling thread outside `for_each_block`.
  void poll() const {
    if (interrupt) interrupt->poll();
  }
};

}  // namespace tenure
