//! How headers and fields are read: one table of requests, each with the answer go-zero's clients expect.

use crate::harness::App;
use crate::reading::wire::post;

/// What a request must be answered with.
enum Expected {
    /// It is read: whatever the answer is, it is not about reading.
    Read,
    /// HTTP 400 with this code and this text.
    Refused(i64, &'static str),
    /// HTTP 400 with this code; the text contains this.
    Says(i64, &'static str),
}

use Expected::{Read, Refused, Says};

type Case = (&'static str, &'static [&'static str], &'static str, Expected);

const USER: &[&str] = &["newUserId: 1001", "appId: web"];
const COUNT: &str = "messageCount";
const OPTIONS_HAT: &str = "[1 2]";

async fn check(cases: &[Case]) {
    let app = App::start().await;
    for (operation, headers, body, expected) in cases {
        let answer = post(&app, operation, headers, body.as_bytes()).await;
        let shown: String = body.chars().take(80).collect();
        let about = format!("{operation} {headers:?} {shown}: {answer:?}");
        assert!(answer.status < 500, "{about}");
        let (code, text) = (answer.code(), answer.text());
        match expected {
            Read => assert!(code / 100 != 400 || matches!(code, 40003 | 40004 | 40010), "{about}"),
            Refused(number, words) => {
                assert_eq!((answer.status, code, text.as_str()), (400, *number, *words), "{about}")
            }
            Says(number, words) => {
                assert_eq!((answer.status, code), (400, *number), "{about}");
                assert!(text.contains(words), "{about}");
            }
        }
    }
}

#[tokio::test]
async fn required_fields_are_asked_for_in_the_contracts_order() {
    check(&[
        (COUNT, USER, "", Refused(40001, "field \"userType\" is not set")),
        (COUNT, USER, "{}", Refused(40001, "field \"userType\" is not set")),
        (COUNT, USER, r#"{"usertype":2}"#, Refused(40001, "field \"userType\" is not set")),
        (COUNT, USER, r#"{"UserType":2}"#, Refused(40001, "field \"userType\" is not set")),
        (COUNT, USER, r#"{"userType":null}"#, Refused(40002, "field \"userType\" mustn't be nil")),
        ("messageAdd", USER, "{}", Refused(40001, "field \"ownType\" is not set")),
        ("messageAdd", USER, r#"{"ownType":2}"#, Refused(40001, "field \"title\" is not set")),
        (
            "messageAdd",
            USER,
            r#"{"ownType":2,"title":"","content":null}"#,
            Refused(40002, "field \"content\" mustn't be nil"),
        ),
        ("messageAdd", USER, r#"{"ownType":2,"title":1,"content":2}"#, Says(40005, "\"title\"")),
        (
            "findMessage",
            USER,
            r#"{"userType":2,"pageSize":5}"#,
            Refused(40001, "field \"msgType\" is not set"),
        ),
        (
            "findMessage",
            USER,
            r#"{"userType":2,"msgType":1}"#,
            Refused(40001, "field \"pageSize\" is not set"),
        ),
        ("closeChatSession", USER, "{}", Refused(40001, "field \"sessionId\" is not set")),
        ("closeChatSession", USER, r#"{"sessionId":""}"#, Read),
        ("obtainShunt", &[], r#"{"type":""}"#, Read),
        ("updateReadById", USER, r#"{"userType":2}"#, Refused(40001, "field \"sendId\" is not set")),
        ("oneUserPosition", USER, "{}", Refused(40001, "field \"positionId\" is not set")),
    ])
    .await;
}

#[tokio::test]
async fn headers_come_before_the_body() {
    check(&[
        ("userList", &["appId: web"], "", Refused(40001, "field \"newUserId\" is not set")),
        ("userList", &["appId: web"], "{", Refused(40001, "field \"newUserId\" is not set")),
        ("appraiseMessage", &["newUserId: 1"], "", Refused(40001, "field \"appId\" is not set")),
        ("appraiseMessage", &["appId: web"], "", Refused(40001, "field \"newUserId\" is not set")),
        (
            "withdrawMessage",
            &[],
            r#"{"messageId":"m","userType":2}"#,
            Refused(40001, "field \"appid\" is not set"),
        ),
        ("withdrawMessage", &["APPID: web"], r#"{"messageId":"m","userType":2}"#, Read),
        ("createChatSession", &["newUserId: 1"], "{}", Refused(40001, "field \"appId\" is not set")),
        (
            "createChatSession",
            &["newUserId: 1", "appid:"],
            "{}",
            Refused(40001, "field \"msgType\" is not set"),
        ),
        ("oneUserConversation", &["appId: web"], "{}", Refused(40001, "field \"positionId\" is not set")),
        (COUNT, &["newUserId: abc"], "{}", Says(40008, "\"newUserId\"")),
        (COUNT, &["newUserId: 1.0"], r#"{"userType":2}"#, Says(40008, "\"newUserId\"")),
        (COUNT, &["newUserId: 1e3"], r#"{"userType":2}"#, Says(40008, "\"newUserId\"")),
        (COUNT, &["newUserId: 0x10"], r#"{"userType":2}"#, Says(40008, "\"newUserId\"")),
        (COUNT, &["newUserId: 1 2"], r#"{"userType":2}"#, Says(40008, "\"newUserId\"")),
        (COUNT, &["newUserId: 9223372036854775808"], r#"{"userType":2}"#, Says(40008, "\"newUserId\"")),
        (COUNT, &["newUserId: x", "entUserId: y"], "{", Says(40008, "\"newUserId\"")),
        (COUNT, &["newUserId: 1", "newUserId: 1"], r#"{"userType":2}"#, Says(40008, "\"newUserId\"")),
        (COUNT, &["newUserId: 1", "NEWUSERID: 2"], r#"{"userType":2}"#, Says(40008, "\"newUserId\"")),
        (COUNT, &["newUserId: 1", "appId: a", "appid: b"], r#"{"userType":2}"#, Says(40008, "\"appId\"")),
        (COUNT, &["newUserId: 1", "entId: z"], r#"{"userType":2}"#, Says(40008, "\"entId\"")),
        ("closeChatSession", &["positionId: z"], "{}", Says(40008, "\"positionId\"")),
        (COUNT, &["newUserId: +5"], r#"{"userType":2}"#, Read),
        (COUNT, &["newUserId: -5"], r#"{"userType":2}"#, Read),
        (COUNT, &["newUserId: 007"], r#"{"userType":2}"#, Read),
        (COUNT, &["newUserId: 9223372036854775807"], r#"{"userType":2}"#, Read),
        (COUNT, &["newUserId: -9223372036854775808"], r#"{"userType":2}"#, Read),
        (COUNT, &["newUserId: 1", "entUserId:", "entId:  "], r#"{"userType":2}"#, Read),
        ("userList", &["newUserId:"], r#"{"userType":2}"#, Says(40008, "\"newUserId\"")),
    ])
    .await;
}

#[tokio::test]
async fn a_field_of_another_type_is_refused_by_name() {
    check(&[
        (COUNT, USER, r#"{"userType":"2"}"#, Refused(40005, "type mismatch for field \"userType\"")),
        (COUNT, USER, r#"{"userType":true}"#, Refused(40005, "type mismatch for field \"userType\"")),
        (COUNT, USER, r#"{"userType":[2]}"#, Refused(40005, "type mismatch for field \"userType\"")),
        (COUNT, USER, r#"{"userType":{}}"#, Refused(40005, "type mismatch for field \"userType\"")),
        (COUNT, USER, r#"{"userType":2.0}"#, Says(40006, "\"userType\"")),
        (COUNT, USER, r#"{"userType":2e0}"#, Says(40006, "\"userType\"")),
        (COUNT, USER, r#"{"userType":9223372036854775808}"#, Says(40006, "\"userType\"")),
        (COUNT, USER, r#"{"userType":1e400}"#, Says(40006, "\"userType\"")),
        (
            "closeChatSession",
            USER,
            r#"{"sessionId":1}"#,
            Refused(40005, "type mismatch for field \"sessionId\", expect \"string\", actual \"number\""),
        ),
        (
            "closeChatSession",
            USER,
            r#"{"sessionId":{}}"#,
            Refused(40005, "type mismatch for field \"sessionId\""),
        ),
        (
            "closeChatSession",
            USER,
            r#"{"sessionId":true}"#,
            Refused(40005, "type mismatch for field \"sessionId\""),
        ),
        (
            "closeChatSession",
            USER,
            r#"{"sessionId":["x"]}"#,
            Refused(40005, "type mismatch for field \"sessionId\""),
        ),
        (
            "updateReadById",
            USER,
            r#"{"sendId":"2","userType":"x"}"#,
            Refused(40005, "type mismatch for field \"userType\""),
        ),
        ("updateReadById", USER, r#"{"sendId":"2","userType":null,"sendType":null}"#, Read),
    ])
    .await;
}

const SEND: &str = r#""ownType":2,"title":"","content":"hi","item":0,"type":1,"link":"","itemType":1"#;

#[tokio::test]
async fn lists_of_texts_take_numbers_and_drop_nulls() {
    let app = App::start().await;
    let cases: [(&str, Option<&[&str]>); 7] = [
        (r#"[2,"3"]"#, Some(&["2", "3"])),
        (r#"[2,null,"3",null]"#, Some(&["2", "3"])),
        (r#"["\u0032"]"#, Some(&["2"])),
        ("[true]", None),
        ("[[]]", None),
        ("[{}]", None),
        ("\"2\"", None),
    ];
    for (list, expected) in cases {
        let body = format!("{{{SEND},\"receiverIds\":{list}}}");
        let answer = post(&app, "messageAdd", USER, body.as_bytes()).await;
        let Some(expected) = expected else {
            assert_eq!(
                (answer.code(), answer.text()),
                (40005, "type mismatch for field \"receiverIds\"".to_owned())
            );
            continue;
        };
        let envelope = answer.envelope();
        let results = envelope["data"]["results"].as_array().cloned().unwrap_or_default();
        let targets: Vec<&str> = results.iter().filter_map(|result| result["target"].as_str()).collect();
        assert_eq!(targets, expected, "{list}: {answer:?}");
    }
}

#[tokio::test]
async fn values_outside_their_list_are_refused() {
    check(&[
        (COUNT, USER, r#"{"userType":0}"#, Refused(40007, "value \"0\" is not defined in options \"[1 2]\"")),
        (COUNT, USER, r#"{"userType":-9223372036854775808}"#, Says(40007, OPTIONS_HAT)),
        ("updateReadById", USER, r#"{"sendId":"2","userType":3}"#, Says(40007, OPTIONS_HAT)),
        (
            "appraiseMessage",
            USER,
            r#"{"messageId":"m","appraise":0}"#,
            Refused(40007, "value \"0\" is not defined in options \"[-1 1]\""),
        ),
        ("updateReadById", USER, r#"{"sendId":"2","sendType":5}"#, Says(40007, "[0 1 2 3 4]")),
        ("messageAdd", USER, r#"{"ownType":5}"#, Says(40007, "[1 2 3 4]")),
        ("findMessage", USER, r#"{"msgType":0,"userType":2,"pageSize":1}"#, Says(40007, "[1 2 3 4]")),
        (
            "findMessage",
            USER,
            r#"{"msgType":1,"userType":2,"pageSize":1,"sort":"DESC"}"#,
            Refused(40007, "value \"DESC\" is not defined in options \"[asc desc]\""),
        ),
        ("findMessage", USER, r#"{"msgType":4,"userType":2,"pageSize":1,"sort":""}"#, Read),
        ("findMessage", USER, r#"{"msgType":4,"userType":2,"pageSize":101}"#, Says(40006, "\"pageSize\"")),
        ("findMessage", USER, r#"{"msgType":4,"userType":2,"pageSize":0}"#, Says(40006, "\"pageSize\"")),
        ("userList", USER, r#"{"userType":2,"queryType":5}"#, Says(40007, "21]")),
        ("userList", USER, r#"{"userType":2,"isArtificial":3}"#, Says(40007, "[0 1 2]")),
        ("conversationList", USER, r#"{"userType":2,"isTourist":-1}"#, Says(40007, "[0 1 2]")),
        ("conversationList", USER, r#"{"userType":2,"page":-1}"#, Says(40006, "\"page\"")),
        ("conversationList", USER, r#"{"userType":2,"page":0,"size":0}"#, Read),
        (
            "withdrawMessage",
            USER,
            r#"{"messageId":"m","userType":2,"conversationType":5}"#,
            Says(40007, "[0 1 2 3 4]"),
        ),
        ("withdrawMessage", USER, r#"{"messageId":"m","userType":2,"conversationType":0}"#, Read),
        ("createChatSession", USER, r#"{"msgType":5,"userType":2}"#, Says(40007, "[1 2 3 4]")),
    ])
    .await;
}

#[tokio::test]
async fn what_is_not_a_field_means_nothing() {
    check(&[
        (COUNT, USER, r#"{"userType":2,"x":1e400,"y":[[{"z":[]}]],"":null}"#, Read),
        (COUNT, USER, r#"{"userType":2,"newUserId":"abc","entId":{}}"#, Read),
        (COUNT, USER, r#"{"userType":1,"userType":2}"#, Read),
        (COUNT, USER, r#"{"userType":"x","userType":2}"#, Read),
        (
            COUNT,
            USER,
            r#"{"userType":2,"userType":"x"}"#,
            Refused(40005, "type mismatch for field \"userType\""),
        ),
        (
            COUNT,
            USER,
            r#"{"userType":2,"userType":null}"#,
            Refused(40002, "field \"userType\" mustn't be nil"),
        ),
        (COUNT, USER, r#"{"user\u0054ype":2}"#, Read),
        (COUNT, USER, r#"{"userType":2}}}}"#, Read),
        (COUNT, USER, "{\"userType\":2}\0\0 garbage", Read),
        (COUNT, USER, "\r\n\t {\"userType\" : 2 } ", Read),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_object_is_refused() {
    check(&[
        (COUNT, USER, " ", Says(40000, "no JSON")),
        (COUNT, USER, "\n\t", Says(40000, "no JSON")),
        (COUNT, USER, "{", Says(40000, "no JSON")),
        (COUNT, USER, r#"{"userType":2,}"#, Says(40000, "at byte 14")),
        (COUNT, USER, r#"{"userType":02}"#, Says(40000, "no JSON")),
        (COUNT, USER, r#"{"userType":2,"x":"\q"}"#, Says(40000, "no JSON")),
        (COUNT, USER, r#"{"userType":2,"x":[1,]}"#, Says(40000, "no JSON")),
        (COUNT, USER, "{'userType':2}", Says(40000, "no JSON")),
        (COUNT, USER, "userType=2", Says(40000, "no JSON")),
        (COUNT, USER, "\u{feff}{\"userType\":2}", Says(40000, "at byte 0")),
        (COUNT, USER, "null", Says(40011, "object")),
        (COUNT, USER, "[]", Says(40011, "object")),
        (COUNT, USER, "\"x\"", Says(40011, "object")),
        (COUNT, USER, "2", Says(40011, "object")),
    ])
    .await;
}
