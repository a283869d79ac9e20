// Cutting a list into pages.
#include "cluster/api/pages.hpp"

#include "berth/base/encoding.hpp"

#include "cluster/model/refusal.hpp"

namespace berth::cluster {
namespace {

constexpr std::int64_t kPage = 100;

} // namespace

Result<Json> page_of(const Input& in, const std::string& key, const std::vector<std::string>& items,
                     bool descending) {
    const auto size = in.integer("maxResults").value_or(kPage);
    const auto token = in.maybe_text("nextToken");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    if (size < 1 || size > kPage) return bad_parameter("maxResults must be 1 to {}.", kPage);
    std::string last;
    if (token) {
        auto decoded = base64_decode(*token);
        if (!decoded) return bad_parameter("Invalid token.");
        last = std::move(*decoded);
    }
    Json page = Json::array();
    std::string next;
    for (const std::string& item : items) {
        if (token && (descending ? item >= last : item <= last)) continue;
        if (page.size() == static_cast<std::size_t>(size)) {
            next = base64_encode(page.back().get<std::string>());
            break;
        }
        page.push_back(item);
    }
    Json out{{key, std::move(page)}};
    if (!next.empty()) out["nextToken"] = next;
    return out;
}

} // namespace berth::cluster
