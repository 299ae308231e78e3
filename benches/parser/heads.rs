//! The heads that are parsed: what browsers and load generators send.

pub const MINIMAL: &str = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";

pub const BROWSER_9: &str = "GET /articles/2026/11/how-a-program-waits-for-the-kernel?page=2&view=full HTTP/1.1\r\n\
    Host: www.example.org\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.7,fr;q=0.3\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://www.example.org/articles/2026/11/\r\n\
    Connection: keep-alive\r\n\
    Cookie: session=4b825dc642cb6eb9a060e54bf8d69288fbee4904; theme=dark; consent=necessary; visited=articles-2026-10.\
    articles-2026-11.about; last=1795248000; lang=en-GB; tz=Europe/Paris\r\n\
    If-None-Match: \"33a64df551425fcc55e4d42a148795d9f25f89d4-gzip\"\r\n\r\n";

pub const BROWSER_20: &str = "GET /shop/categories/lamps/desk/items?colour=green&sort=price&order=ascending&page=3 HTTP/1.1\r\n\
    Host: shop.example.org:8443\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: max-age=0\r\n\
    sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n\
    sec-ch-ua-mobile: ?0\r\n\
    sec-ch-ua-platform: \"Linux\"\r\n\
    DNT: 1\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-User: ?1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Referer: https://shop.example.org:8443/shop/categories/lamps/desk\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: fr-FR,fr;q=0.9,en-GB;q=0.8,en;q=0.7\r\n\
    Cookie: basket=7f3c0d2e91; session=da39a3ee5e6b4b0d3255bfef95601890afd80709; seen=1021.1022.1187.1203.1340.2011.2012.\
    2544; currency=EUR; layout=grid; experiment=checkout-b; first=1793000000; last=1795248000; referrer=newsletter-2026-11; \
    region=ile-de-france\r\n\
    If-Modified-Since: Fri, 20 Nov 2026 08:12:31 GMT\r\n\
    Priority: u=0, i\r\n\r\n";

pub const PIPELINED: &str = "GET /bytes/1024 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n";

/// A head of about 7.6 KiB, as large cookies make them.
pub fn large_head() -> String {
    let mut head = String::from("GET /account/overview HTTP/1.1\r\nHost: www.example.org\r\n");
    for i in 0..36 {
        head += &format!("X-Session-Part-{i:02}: {}\r\n", "0123456789abcdefghijklmnopqrstuvwxyz".repeat(5));
    }
    head + "X-Last: yes\r\n\r\n"
}
