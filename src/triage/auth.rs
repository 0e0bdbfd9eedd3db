//! stub
use super::decision::AuthLevel;
use super::inquiry::Inquiry;
pub fn level(_: &Inquiry, _: Option<&str>) -> (AuthLevel, String) {
    (AuthLevel::None, String::new())
}
