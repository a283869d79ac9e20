// TLS against OpenSSL's own server, with certificates of a made-up authority.
#include "berth/base/http/client.hpp"
#include "berth/base/http/websocket.hpp"

#include "loop.hpp"
#include "process.hpp"

#include <cstdlib>
#include <fstream>

namespace berth::http {
namespace {

using test::Loop;
using test::Process;
using test::soon;

// Serves "hello" over TLS with keep-alive; "/cut" ends in the middle without a goodbye, "/end" has no length,
// "/big" is 8 MiB. The path "/sni" tells the name the client asked for.
constexpr const char* kServer = R"(
import http.server, ssl, sys, warnings
warnings.simplefilter("ignore")
asked = {}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"hello"
        if self.path == "/sni": body = str(asked.get("name")).encode()
        if self.path == "/version": body = self.connection.version().encode()
        if self.path == "/port": body = str(self.client_address[1]).encode()
        if self.path == "/big": body = b"x" * (8 << 20)
        self.send_response(200)
        if self.path in ("/cut", "/end"): self.close_connection = True
        else: self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/cut": self.connection.shutdown(2)
        if self.path == "/end": self.connection.unwrap()
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words): pass
class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, address): pass
server = Server(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
if sys.argv[3] == "1.1":
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
elif sys.argv[3] == "1.2":
    context.maximum_version = ssl.TLSVersion.TLSv1_2
context.sni_callback = lambda connection, name, old: asked.update(name=name)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
)";

// An authority and a certificate for localhost and 127.0.0.1, made once.
struct Certificates {
    Certificates() {
        const std::string script =
            "set -e; exec 2>/dev/null; "
            "key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2'; "
            "openssl req -x509 $key -keyout ca.key -out ca.pem -subj '/CN=Test authority'; "
            "openssl req -x509 $key -keyout other.key -out other.pem -subj '/CN=Other authority'; "
            "for name in good wrong; do openssl req $key -keyout $name.key -out $name.csr -subj /CN=x; done; "
            "openssl req $key -keyout old.key -out old.csr -subj /CN=x; "
            "echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' > good.ext; "
            "echo 'subjectAltName=DNS:example.com,IP:127.0.0.2' > wrong.ext; "
            "sign() { openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -extfile $2.ext -out $1.pem $3 "
            "$4; }; "
            "sign good good -days 2; sign wrong wrong -days 2; sign old good -days -1; "
            "mkdir hashed; cp ca.pem hashed/$(openssl x509 -hash -noout -in ca.pem).0; echo done";
        Loop loop;
        Process shell({"sh", "-c", "cd " + (directory / "") + " && " + script});
        ok = loop.run(shell.output()) == "done\n";
        std::ofstream(directory / "server.py") << kServer;
    }
    test::TempDir directory;
    bool ok = false;
};

class TlsTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { certificates = std::make_unique<Certificates>(); }
    static void TearDownTestSuite() { certificates.reset(); }
    void SetUp() override { ASSERT_TRUE(certificates->ok); }
    static std::string file(const std::string& name) { return certificates->directory / name; }

    void serve(const std::string& certificate = "good", const std::string& version = "any") {
        server = std::make_unique<Process>(std::vector<std::string>{
            "python3", file("server.py"), file(certificate + ".pem"), file(certificate + ".key"), version});
        port = loop.run(server->line());
        ASSERT_FALSE(port.empty());
    }
    static ClientOptions trusting(const std::string& authority) {
        ClientOptions options;
        options.ca_file = file(authority);
        return options;
    }
    Result<Response> get(Client& client, const std::string& path = "/",
                         const std::string& host = "localhost") {
        const auto url = parse_url("https://" + host + ":" + port + path).value();
        return loop.run(client.send(url, Request(), soon(), 16 << 20));
    }

    static std::unique_ptr<Certificates> certificates;
    Loop loop;
    std::unique_ptr<Process> server;
    std::string port;
};
std::unique_ptr<Certificates> TlsTest::certificates;

TEST_F(TlsTest, SpeaksToATrustedServerByNameAndByAddress) {
    serve();
    Client client(loop.executor(), trusting("ca.pem"));
    const auto by_name = get(client, "/sni");
    ASSERT_TRUE(by_name) << by_name.error().message();
    EXPECT_EQ(by_name->body, "localhost");
    const auto by_address = get(client, "/sni", "127.0.0.1");
    ASSERT_TRUE(by_address) << by_address.error().message();
    EXPECT_EQ(by_address->body, "None") << "addresses are not sent as server name (RFC 6066 3)";
}

TEST_F(TlsTest, KeepsConnections) {
    for (const char* version : {"1.2", "any"}) {
        serve("good", version);
        Client client(loop.executor(), trusting("ca.pem"));
        const auto first = get(client, "/port");
        ASSERT_TRUE(first) << first.error().message();
        EXPECT_EQ(get(client, "/port")->body, first->body);
        EXPECT_EQ(get(client, "/version")->body, std::string(version) == "1.2" ? "TLSv1.2" : "TLSv1.3");
    }
}

TEST_F(TlsTest, LongBodiesGoBothWays) {
    serve();
    Client client(loop.executor(), trusting("ca.pem"));
    EXPECT_EQ(get(client, "/big")->body, std::string(8 << 20, 'x'));
    Request request("POST", "/");
    request.body.assign(8 << 20, 'y');
    const auto url = parse_url("https://localhost:" + port + "/").value();
    const auto response = loop.run(client.send(url, std::move(request), soon(), 16 << 20));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, std::string(8 << 20, 'y'));
}

TEST_F(TlsTest, AnEndWithoutGoodbyeIsACutBody) {
    serve();
    Client client(loop.executor(), trusting("ca.pem"));
    const auto whole = get(client, "/end");
    ASSERT_TRUE(whole) << whole.error().message();
    EXPECT_EQ(whole->body, "hello");
    const auto cut = get(client, "/cut");
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code(), ErrorCode::io);
}

struct Untrusted {
    const char* certificate;
    const char* authority;
    const char* host;
    const char* version;
    const char* message;
};

TEST_F(TlsTest, RefusesServersThatCannotProveThemselves) {
    for (const Untrusted& c : std::initializer_list<Untrusted>{
             {"wrong", "ca.pem", "localhost", "any", "TLS handshake with localhost: hostname mismatch"},
             {"wrong", "ca.pem", "127.0.0.1", "any", "TLS handshake with 127.0.0.1: IP address mismatch"},
             {"good", "other.pem", "localhost", "any", "unable to get local issuer certificate"},
             {"old", "ca.pem", "localhost", "any", "certificate has expired"},
             {"good", "ca.pem", "localhost", "1.1", "TLS handshake with localhost: "}}) {
        serve(c.certificate, c.version);
        Client client(loop.executor(), trusting(c.authority));
        const auto response = get(client, "/p?q=secret", c.host);
        ASSERT_FALSE(response) << c.message;
        EXPECT_EQ(response.error().code(), ErrorCode::io);
        EXPECT_NE(response.error().message().find(c.message), std::string::npos)
            << response.error().message();
        EXPECT_EQ(response.error().message().find("secret"), std::string::npos);
        const auto url = parse_url("wss://" + std::string(c.host) + ":" + port + "/").value();
        EXPECT_FALSE(loop.run(connect_websocket(url, {}, trusting(c.authority), 1000, soon())));
    }
}

TEST_F(TlsTest, VerificationCanBeTurnedOff) {
    serve("wrong");
    ClientOptions options;
    options.verify_tls = false;
    Client client(loop.executor(), options);
    EXPECT_EQ(get(client)->body, "hello");
}

// Sets or unsets a variable of the environment for a while.
class Variable {
  public:
    Variable(const char* name, const std::optional<std::string>& value) : name_(name) {
        if (const char* now = std::getenv(name)) before_ = now;
        put(value);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { put(before_); }

  private:
    void put(const std::optional<std::string>& value) const {
        if (value)
            setenv(name_, value->c_str(), 1);
        else
            unsetenv(name_);
    }
    const char* name_;
    std::optional<std::string> before_;
};

TEST_F(TlsTest, TheSystemsCertificatesAreTheDefault) {
    serve();
    const std::optional<std::string> unset;
    struct Case {
        std::optional<std::string> file;
        std::optional<std::string> directory;
        bool trusted;
    };
    for (const Case& c : std::initializer_list<Case>{{unset, unset, false},
                                                     {unset, file("hashed"), true},
                                                     {file("ca.pem"), unset, true},
                                                     {file("other.pem"), file("hashed"), true},
                                                     {file("other.pem"), unset, false}}) {
        const Variable file_variable("SSL_CERT_FILE", c.file);
        const Variable directory_variable("SSL_CERT_DIR", c.directory);
        Client client(loop.executor(), {});
        const auto response = get(client);
        EXPECT_EQ(response.has_value(), c.trusted) << c.file.value_or("") << " " << c.directory.value_or("");
    }
}

TEST_F(TlsTest, AMissingAuthorityFileSaysSo) {
    serve();
    Client client(loop.executor(), trusting("missing.pem"));
    const auto response = get(client);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::invalid);
    EXPECT_NE(response.error().message().find("reading the CA certificates of " + file("missing.pem")),
              std::string::npos)
        << response.error().message();
}

TEST_F(TlsTest, APlainServerIsNoTlsServer) {
    test::RawServer plain(loop, [](test::tcp::socket& socket, unsigned) -> Async<void> {
        co_await test::send(socket, "SSH-2.0-OpenSSH_9.2\r\n");
        co_await test::read_all(socket);
    });
    port = std::to_string(plain.port());
    Client client(loop.executor(), trusting("ca.pem"));
    const auto response = get(client);
    ASSERT_FALSE(response);
    EXPECT_NE(response.error().message().find("TLS handshake with localhost: "), std::string::npos)
        << response.error().message();
}

TEST_F(TlsTest, ASilentServerEndsWithTheConnectTimeout) {
    test::RawServer silent(
        loop, [](test::tcp::socket& socket, unsigned) -> Async<void> { co_await test::read_all(socket); });
    port = std::to_string(silent.port());
    ClientOptions options = trusting("ca.pem");
    options.connect_timeout = std::chrono::milliseconds(100);
    Client client(loop.executor(), options);
    const auto response = get(client);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::timeout) << response.error().message();
    loop.drive([&] { return silent.open() == 0; });
}

TEST_F(TlsTest, WebSocketsRunOverTls) {
    // The certificate is checked, then the server refuses the upgrade: it is a plain HTTP server.
    serve();
    const auto url = parse_url("wss://localhost:" + port + "/").value();
    const auto refused = loop.run(connect_websocket(url, {}, trusting("ca.pem"), 1000, soon()));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().http_status(), 200U) << refused.error().message();
    EXPECT_TRUE(refused.error().message().ends_with("\nhello")) << refused.error().message();
}

} // namespace
} // namespace berth::http
