#include "container/charged_array.hpp"

#include <cstring>
#include <new>

#include "mm/payer.hpp"

namespace cv6 {

ChargedArray::~ChargedArray() {
  if (!data_) return;
  ::operator delete(data_);
  payer_->uncharge(pages_);
}

void ChargedArray::swap(ChargedArray& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(count_, other.count_);
  std::swap(pages_, other.pages_);
  std::swap(payer_, other.payer_);
}

Result<ChargedArray> ChargedArray::create(std::uint64_t count, std::size_t size, GuestMemory& payer) {
  ChargedArray array;
  array.pages_ = (count * size + page_size - 1) / page_size;
  TRY(payer.charge(array.pages_));
  const payer::Scope paid_already(nullptr);
  array.data_ = ::operator new(count * size, std::nothrow);
  if (!array.data_) {
    payer.uncharge(array.pages_);
    return Error::nomem;
  }
  std::memset(array.data_, 0, count * size);
  array.count_ = count;
  array.payer_ = Ref<GuestMemory>(&payer);
  return array;
}

}  // namespace cv6
