#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>

#include "tenure/support/errors.hpp"

namespace tenure {

/// Asks, at most every 10 ms and only from the thread that made it, whether the user wants to stop.
/// Every thread may poll; the others see the answer through an atomic flag.
class Interrupt {
 public:
  explicit Interrupt(std::function<bool()> requested)
      : requested_(std::move(requested)),
        owner_(std::this_thread::get_id()),
        next_(Clock::now() + kEvery) {}

  /// Throws Interrupted if the user asked to stop.
  void poll() {
    // Once told, never asked again: the answer of the first time holds.
    if (std::this_thread::get_id() == owner_ && !stop_.load(std::memory_order_relaxed) &&
        Clock::now() >= next_) {
      if (requested_()) stop_.store(true, std::memory_order_relaxed);
      next_ = Clock::now() + kEvery;
    }
    if (stop_.load(std::memory_order_relaxed)) throw Interrupted();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kEvery{10};
  std::function<bool()> requested_;
  std::thread::id owner_;
  Clock::time_point next_;
  std::atomic<bool> stop_{false};
};

/// How a kernel runs; never what it computes: results are the same bits for every value.
struct Execution {
  int threads = 1;
  Interrupt* interrupt = nullptr;  ///< absent: the call cannot be interrupted
  /// Where a call that lasts counts its steps, for whoever shows how far it is; absent: nobody.
  std::atomic<std::int64_t>* steps = nullptr;

  /// For loops that last: cheap enough for every few hundred rows.
  void poll() const {
    if (interrupt) interrupt->poll();
  }

  /// One more step is done. From any thread.
  void advance() const {
    if (steps) steps->fetch_add(1, std::memory_order_relaxed);
  }
};

}  // namespace tenure
