//! Writes replies.

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

use super::{ApiError, Service};

/// A reply in the making. Writing to memory cannot fail.
pub(crate) struct Xml {
    writer: Writer<Vec<u8>>,
}

impl Xml {
    fn new() -> Self {
        let mut writer = Writer::new(Vec::with_capacity(2_048));
        writer.get_mut().extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self { writer }
    }

    fn event(&mut self, event: Event<'_>) {
        self.writer.write_event(event).ok();
    }

    pub(crate) fn open(&mut self, name: &str) {
        self.event(Event::Start(BytesStart::new(name)));
    }

    pub(crate) fn close(&mut self, name: &str) {
        self.event(Event::End(BytesEnd::new(name)));
    }

    /// `<name>text</name>`
    pub(crate) fn leaf(&mut self, name: &str, text: impl AsRef<str>) {
        self.open(name);
        self.event(Event::Text(BytesText::new(text.as_ref())));
        self.close(name);
    }

    /// `<name>text</name>`, or nothing.
    pub(crate) fn maybe(&mut self, name: &str, text: Option<impl AsRef<str>>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    /// Text alone, as the elements of a list of words.
    pub(crate) fn text(&mut self, text: impl AsRef<str>) {
        self.event(Event::Text(BytesText::new(text.as_ref())));
    }

    /// `<name>…</name>`
    pub(crate) fn node(&mut self, name: &str, inner: impl FnOnce(&mut Self)) {
        self.open(name);
        inner(self);
        self.close(name);
    }

    /// A list: EC2 calls its elements `item`, Auto Scaling `member`.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        element: &str,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Self, T),
    ) {
        self.open(name);
        for item in items {
            self.open(element);
            each(self, item);
            self.close(element);
        }
        self.close(name);
    }

    /// Opens a reply.
    pub(crate) fn reply(service: Service, operation: &str, request_id: &str) -> Self {
        let mut xml = Self::new();
        let response = format!("{operation}Response");
        let mut start = BytesStart::new(response.as_str());
        start.push_attribute(("xmlns", service.namespace()));
        xml.event(Event::Start(start));
        match service {
            Service::Ec2 => xml.leaf("requestId", request_id),
            _ => xml.open(&format!("{operation}Result")),
        }
        xml
    }

    pub(crate) fn close_reply(&mut self, service: Service, operation: &str, request_id: &str) {
        if service != Service::Ec2 {
            self.close(&format!("{operation}Result"));
            self.node("ResponseMetadata", |xml| xml.leaf("RequestId", request_id));
        }
        self.close(&format!("{operation}Response"));
    }

    pub(crate) fn finish(&mut self) -> String {
        String::from_utf8(std::mem::take(self.writer.get_mut())).unwrap_or_default()
    }

    /// EC2: `<Response><Errors><Error>`; the others: `<ErrorResponse><Error>`.
    pub(crate) fn error(service: Service, error: &ApiError, request_id: &str) -> String {
        let mut xml = Self::new();
        if service == Service::Ec2 {
            xml.node("Response", |xml| {
                xml.node("Errors", |xml| {
                    xml.node("Error", |xml| {
                        xml.leaf("Code", error.code);
                        xml.leaf("Message", &error.message);
                    });
                });
                xml.leaf("RequestID", request_id);
            });
        } else {
            let mut start = BytesStart::new("ErrorResponse");
            start.push_attribute(("xmlns", service.namespace()));
            xml.event(Event::Start(start));
            xml.node("Error", |xml| {
                xml.leaf("Type", if error.status < 500 { "Sender" } else { "Receiver" });
                xml.leaf("Code", error.code);
                xml.leaf("Message", &error.message);
            });
            xml.leaf("RequestId", request_id);
            xml.close("ErrorResponse");
        }
        xml.finish()
    }
}
