// JSON as box reads and writes it: members stay in their order.
#pragma once

#include <nlohmann/json.hpp>

namespace cv6::box {

using Json = nlohmann::ordered_json;

}  // namespace cv6::box
