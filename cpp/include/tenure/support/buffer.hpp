#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace tenure {

namespace detail {
/// Memory for `bytes` bytes; large blocks ask the kernel for huge pages. Throws std::bad_alloc.
void* allocate_pages(std::size_t bytes);
void free_pages(void* p) noexcept;
struct FreePages {
  std::shared_ptr<const void> lender;  ///< whose memory it is, if not ours
  void operator()(void* p) const noexcept {
    if (!lender) free_pages(p);
  }
};
}  // namespace detail

/// A fixed-size array whose elements start uninitialised: the thread that fills a page is the one
/// that faults it in, and nothing is written twice.
template <class T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  Buffer() = default;
  explicit Buffer(std::int64_t size)
      : data_(static_cast<T*>(detail::allocate_pages(static_cast<std::size_t>(size) * sizeof(T)))),
        size_(size) {}

  /// Memory of somebody else, such as a mapped file, which `lender` keeps alive. Only to be read.
  static Buffer borrowed(const T* data, std::int64_t size, std::shared_ptr<const void> lender) {
    Buffer buffer;
    buffer.data_ = {const_cast<T*>(data), detail::FreePages{std::move(lender)}};
    buffer.size_ = size;
    return buffer;
  }

  std::int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  T& operator[](std::int64_t i) { return data_[static_cast<std::size_t>(i)]; }
  const T& operator[](std::int64_t i) const { return data_[static_cast<std::size_t>(i)]; }
  std::span<T> span() { return {data(), static_cast<std::size_t>(size_)}; }
  std::span<const T> span() const { return {data(), static_cast<std::size_t>(size_)}; }

 private:
  std::unique_ptr<T[], detail::FreePages> data_;
  std::int64_t size_ = 0;
};

}  // namespace tenure
