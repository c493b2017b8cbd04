//! The ceiling: an actix-web handler with the service's own server settings that does nothing but read the
//! whole body, parse it as JSON and answer. It answers what the service answered to the same requests, so both
//! read and write the same bytes.

use std::borrow::Cow;
use std::hint::black_box;
use std::io::Read;
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde::Deserialize;

/// As `KEEP_ALIVE` in `src/http/server.rs`.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Every field of the contract's requests that a scenario sends. One struct for all operations: an unknown
/// field would only be skipped, and skipping is cheaper than reading.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
#[allow(dead_code, reason = "reading them is the point")]
struct Body<'a> {
    own_type: i64,
    item: i64,
    r#type: serde_json::Value,
    item_type: i64,
    msg_type: i64,
    user_type: i64,
    send_type: i64,
    page: i64,
    size: i64,
    page_size: i64,
    #[serde(borrow)]
    title: Cow<'a, str>,
    #[serde(borrow)]
    content: Cow<'a, str>,
    #[serde(borrow)]
    link: Cow<'a, str>,
    #[serde(borrow)]
    receive_id: Cow<'a, str>,
    #[serde(borrow)]
    send_id: Cow<'a, str>,
    #[serde(borrow)]
    last_id: Cow<'a, str>,
    #[serde(borrow)]
    message_id: Cow<'a, str>,
    #[serde(borrow)]
    sort: Cow<'a, str>,
    #[serde(borrow)]
    chat_group_id: Cow<'a, str>,
    #[serde(borrow)]
    group_ids: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    receiver_ids: Vec<Cow<'a, str>>,
}

/// What is answered on which path.
type Answers = &'static [(String, web::Bytes)];

/// Serves until killed.
pub fn serve() {
    let answers = answers();
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            App::new().app_data(web::Data::new(answers)).default_service(web::to(answer))
        })
        .workers(std::thread::available_parallelism().map_or(1, usize::from))
        .keep_alive(KEEP_ALIVE)
        .disable_signals()
        .bind("127.0.0.1:0")
        .expect("a port");
        println!("bare ready on http://{}", server.addrs()[0]);
        server.run().await.expect("it serves");
    });
}

/// Reads from standard input: a line with the path, a line with the answer, and so on.
fn answers() -> Answers {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("answers");
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.chunks_exact(2);
    let answers: Vec<(String, web::Bytes)> =
        pairs.map(|pair| (pair[0].to_owned(), web::Bytes::from(pair[1].to_owned()))).collect();
    answers.leak() // the process serves them until it ends
}

async fn answer(request: HttpRequest, body: web::Bytes, answers: web::Data<Answers>) -> HttpResponse {
    let Ok(read) = serde_json::from_slice::<Body<'_>>(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    black_box(&read);
    let path = request.path();
    let Some((_, answer)) = answers.iter().find(|(known, _)| known == path) else {
        return HttpResponse::NotFound().finish();
    };
    HttpResponse::Ok().content_type("application/json; charset=utf-8").body(answer.clone())
}
