// Lists in pages: maxResults and nextToken.
#pragma once

#include "cluster/model/input.hpp"

#include <string>
#include <vector>

namespace berth::cluster {

// {"<key>": [items of this page], "nextToken": …}. The token is the last item of the page before, so that
// items that come or go in between neither repeat nor hide others. `items` are sorted, or sorted in reverse.
Result<Json> page_of(const Input& in, const std::string& key, const std::vector<std::string>& items,
                     bool descending = false);

} // namespace berth::cluster
