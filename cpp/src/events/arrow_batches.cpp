#include <cerrno>
#include <cstring>

#include "tenure/events/arrow_import.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::events {
namespace {

/// Releases the stream however the reading ends.
struct StreamGuard {
  ArrowArrayStream* stream;
  ~StreamGuard() {
    if (stream->release) stream->release(stream);
  }
};

[[noreturn]] void fail(ArrowArrayStream* stream, int code) {
  const char* told = stream->get_last_error ? stream->get_last_error(stream) : nullptr;
  throw Error(std::string("the source of the rows failed: ") + (told ? told : std::strerror(code)));
}

}  // namespace

ArrowBatches::ArrowBatches(ArrowArrayStream* stream, const Execution& execution) {
  const StreamGuard guard{stream};
  if (const int code = stream->get_schema(stream, &schema_)) fail(stream, code);
  try {
    for (;;) {
      execution.poll();
      ArrowArray batch{};
      if (const int code = stream->get_next(stream, &batch)) fail(stream, code);
      if (!batch.release) return;
      batches_.push_back(batch);
    }
  } catch (...) {
    for (ArrowArray& batch : batches_) batch.release(&batch);
    if (schema_.release) schema_.release(&schema_);
    throw;
  }
}

ArrowBatches::~ArrowBatches() {
  for (ArrowArray& batch : batches_) batch.release(&batch);
  if (schema_.release) schema_.release(&schema_);
}

std::int64_t ArrowBatches::rows() const {
  std::int64_t rows = 0;
  for (const ArrowArray& batch : batches_) rows += batch.length;
  return rows;
}

std::vector<ArrowBatches::Column> ArrowBatches::column(const std::string& name) const {
  std::int64_t at = 0;
  while (at < schema_.n_children && name != schema_.children[at]->name) ++at;
  if (at == schema_.n_children)
    throw InvalidInput(name.c_str(), -1, std::string("is not a column of the data"));
  std::vector<Column> columns;
  for (const ArrowArray& batch : batches_) {
    if (batch.n_children != schema_.n_children)
      throw InvalidInput(name.c_str(), -1, std::string("is missing in a batch of the data"));
    const ArrowArray* array = batch.children[at];
    if (batch.length < 0 || batch.offset < 0 || array->offset < 0 ||
        array->length < batch.offset + batch.length)
      throw InvalidInput(name.c_str(), -1, std::string("is shorter than its batch of the data"));
    columns.push_back({schema_.children[at], array, batch.offset + array->offset, batch.length});
  }
  return columns;
}

}  // namespace tenure::events
