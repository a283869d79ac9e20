// HTTP messages as plain values. No Beast here: it stays in base/http/*.cpp.
#pragma once

#include "berth/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace berth::http {

struct Header {
    std::string name;
    std::string value;
};

// Ordered; names compare without case.
class Headers {
  public:
    Headers() = default;
    Headers(std::initializer_list<Header> headers) : list_(headers) {}
    void add(std::string name, std::string value);
    void set(std::string name, std::string value); // replaces all of that name
    void erase(std::string_view name);
    // First value, nullptr when absent.
    const std::string* find(std::string_view name) const;
    std::vector<std::string> all(std::string_view name) const;
    auto begin() const { return list_.begin(); }
    auto end() const { return list_.end(); }
    std::size_t size() const { return list_.size(); }

  private:
    std::vector<Header> list_;
};

// An absolute http, https, ws or wss URL.
struct Url {
    std::string scheme; // lower case
    std::string host;   // without brackets
    std::uint16_t port = 0; // never 0 after parse_url
    std::string target = "/"; // path and query as they go into the request line

    std::string path() const;  // of target
    std::string query() const; // of target, without '?'
    std::string authority() const; // Host header: brackets for IPv6, port unless it is the scheme's default
    std::string str() const;
    bool secure() const { return scheme == "https" || scheme == "wss"; }
};

// User info is refused; a fragment is dropped. Default ports are filled in.
Result<Url> parse_url(std::string_view text);
// A Location header against the URL that answered with it.
Result<Url> resolve_url(const Url& base, std::string_view reference);

struct Request {
    Request() = default;
    Request(std::string method_, std::string target_) : method(std::move(method_)), target(std::move(target_)) {}
    std::string method = "GET";
    std::string target = "/"; // server side: as received. Client side: the Url's target is used.
    Headers headers;
    std::string body;

    std::string path() const;
    // Decoded, in order. '+' is a space here, as in forms.
    std::vector<std::pair<std::string, std::string>> query_parameters() const;
};

struct Response {
    Response() = default;
    Response(unsigned status_, std::string content_type, std::string body_);
    unsigned status = 200;
    Headers headers;
    std::string body;
};

} // namespace berth::http
