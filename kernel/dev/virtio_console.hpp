// The virtio console device (Virtual I/O Device 1.2, 5.3), with any number of ports: virtio_port.hpp.
#pragma once

#include "dev/virtio_device.hpp"

namespace cv6 {

// Sets the device up and waits until it has told about all its ports; then ports:: knows them.
void start_virtio_console(VirtioDevice& device);

}  // namespace cv6
