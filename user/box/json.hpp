// JSON as box reads and writes it: members stay in their order.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cv6::box {

using Json = nlohmann::ordered_json;

// To be shown; `indent`: -1 for one line. JSON has no bytes that are not UTF-8, so they are replaced; what a terminal would
// obey is escaped.
std::string json_text(const Json& json, int indent = -1);

// Strings as they are, whatever their bytes: one that is not UTF-8 becomes {"bytes": ...} with a character U+0000 to U+00FF for
// each of them. For what box itself reads again, with from_exact_json().
Json to_exact_json(const Json& json);
Json from_exact_json(const Json& json);  // throws Json::exception

}  // namespace cv6::box
