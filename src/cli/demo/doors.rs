//! Doing what is planned, as the world does it: by the real pages of the public listener, and by events as a
//! website, a mailbox and a CRM report them.

use regex::Regex;
use reqwest::{RequestBuilder, Response};

use super::{
    agenda::{Act, Plan},
    roster::Roster,
    setting::Setting,
};
use crate::{
    cli::failure::Failure,
    domain::{event::EventKind, id::LeadId, name::Name, time::Instant},
    store::records::NewEvent,
};

impl Setting {
    /// Does what is planned, at its instant.
    pub(super) async fn perform(
        &mut self,
        plan: &Plan,
        roster: &Roster,
        now: Instant,
    ) -> Result<(), Failure> {
        let lead = plan.lead;
        match &plan.act {
            Act::Open { pixel: link } | Act::Click { link } => {
                asked(self.browser.get(link)).await?;
            }
            Act::Answer { link } | Act::Later { link } | Act::Press { link, .. } => {
                asked(self.browser.post(link).body("confirm=yes")).await?;
            }
            Act::Unsubscribe { link } => {
                asked(self.browser.post(link).body("List-Unsubscribe=One-Click")).await?;
            }
            Act::Preferences { link } => self.prefer_all(link).await?,
            Act::WriteBack => {
                let about = Some(plan.mail.clone());
                self.record(lead, EventKind::LEAD_REPLIED, about, "inbox", now).await?;
            }
            Act::Visit { page } => {
                let page = Some((*page).into());
                self.record(lead, EventKind::PAGE_VISITED, page, "website", now).await?;
            }
            Act::Submit { form } => {
                let form = Some((*form).into());
                self.record(lead, EventKind::FORM_SUBMITTED, form, "website", now).await?;
            }
            Act::Call | Act::Meet => {
                let kind = if plan.act == Act::Call { "sales.call" } else { "sales.meeting" };
                let kind = EventKind::parse(kind).map_err(Failure::environment)?;
                self.record(lead, kind, None, "crm", now).await?;
            }
            Act::Qualify(qualified) => {
                self.crm.qualify(&roster.of(lead).address, *qualified);
                self.take_leads(now).await?;
            }
            Act::Deal(deal) => {
                self.crm.deal(&roster.of(lead).address, deal, now);
                self.take_deals(now).await?;
            }
        }
        Ok(())
    }

    async fn record(
        &self,
        lead: LeadId,
        kind: EventKind,
        object: Option<Name>,
        source: &str,
        now: Instant,
    ) -> Result<(), Failure> {
        let mut event = NewEvent::new(lead, kind, now, source);
        event.object = object;
        self.store.record_events(&[event], now).await?;
        Ok(())
    }

    /// Ticks everything on the page of preferences.
    async fn prefer_all(&self, link: &str) -> Result<(), Failure> {
        let page = asked(self.browser.get(link)).await?;
        let page = page.text().await.map_err(Failure::environment)?;
        let fields = r#"type="hidden" name="(shown|had)" value="([^"]*)""#;
        let fields = Regex::new(fields).map_err(Failure::environment)?;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for field in fields.captures_iter(&page) {
            form.append_pair(&field[1], &field[2]);
            if &field[1] == "shown" {
                form.append_pair("purpose", &field[2]);
            }
        }
        asked(self.browser.post(link).body(form.finish())).await?;
        Ok(())
    }
}

async fn asked(request: RequestBuilder) -> Result<Response, Failure> {
    let answer = request.send().await.map_err(Failure::environment)?;
    let status = answer.status();
    if status.is_success() || status.is_redirection() {
        return Ok(answer);
    }
    Err(Failure::environment(format!("the demo's own listener answered {status}")))
}
