//! The ceiling: a handler that parses a messageAdd body and answers as many bytes as the service does.

use actix_web::{App, HttpResponse, HttpServer, web};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageAdd {
    own_type: i64,
    title: String,
    content: String,
    item: i64,
    r#type: i64,
    link: String,
    item_type: i64,
    receive_id: String,
}

/// Serves until killed.
pub fn serve() {
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| App::new().route("/message/messageAdd", web::post().to(answer)))
            .workers(std::thread::available_parallelism().map_or(2, usize::from))
            .bind("127.0.0.1:0")
            .expect("a port");
        println!("http://{}", server.addrs()[0]);
        server.run().await.expect("it serves");
    });
}

async fn answer(body: web::Bytes) -> HttpResponse {
    let Ok(read) = serde_json::from_slice::<MessageAdd>(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    let used = read.own_type + read.item + read.r#type + read.item_type;
    let text = [&read.title, &read.content, &read.link, &read.receive_id];
    let length = text.iter().map(|text| text.len()).sum::<usize>() + used.unsigned_abs() as usize;
    let answer = format!(
        "{{\"error_code\":0,\"error_msg\":\"ok\",\"data\":{{\"messageId\":\"00000000-0000-5000-8000-000000000000.1\",\
         \"conversationId\":\"00000000-0000-5000-8000-000000000000\",\"seq\":{length},\"sentAt\":1767225600000,\
         \"results\":[{{\"target\":\"2\",\"conversationId\":\"00000000-0000-5000-8000-000000000000\",\
         \"messageId\":\"00000000-0000-5000-8000-000000000000.1\",\"seq\":1,\"sentAt\":1767225600000,\
         \"error_code\":0,\"error_msg\":\"ok\"}}]}},\"count\":1}}"
    );
    HttpResponse::Ok().content_type("application/json; charset=utf-8").body(answer)
}
