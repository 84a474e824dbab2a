// The devices that mknod of the xv6 ABI makes nodes for.
#pragma once

#include "fs/types.hpp"
#include "lib/result.hpp"

namespace cv6::xv6_abi {

// Major 1: the console of the container that opens it. All others: a device that can be opened, and nothing more.
DeviceNumber device_number(std::int16_t major, std::int16_t minor);

Result<void> initialise_devices();  // at boot

}  // namespace cv6::xv6_abi
