#include "dev/virtio_device.hpp"

namespace cv6 {

Result<std::uint64_t> VirtioDevice::begin(std::uint64_t wanted) {
  constexpr std::uint64_t version_1 = std::uint64_t{1} << 32;
  set_status(0);
  set_status(acknowledge);
  set_status(acknowledge | driver);
  const std::uint64_t offered = offered_features();
  const std::uint64_t accepted = offered & (wanted | version_1);
  if (!(accepted & version_1)) {
    fail();
    return Error::opnotsupp;
  }
  accept_features(accepted);
  set_status(acknowledge | driver | features_ok);
  if (!(status() & features_ok)) {
    fail();
    return Error::opnotsupp;
  }
  return accepted;
}

void VirtioDevice::ready() { set_status(acknowledge | driver | features_ok | driver_ok); }
void VirtioDevice::fail() { set_status(static_cast<std::uint8_t>(status() | failed)); }

}  // namespace cv6
