//! What is counted: of a week, of a mail, of the whole story.

use serde::Serialize;

use super::agenda::Act;

#[derive(Default, Clone, Copy, Debug, Serialize)]
pub struct Counts {
    pub mails: u64,
    pub opens: u64,
    pub clicks: u64,
    pub answers: u64,
    pub later: u64,
    pub preferences: u64,
    pub replies: u64,
    pub visits: u64,
    pub forms: u64,
    pub unsubscribed: u64,
    /// How often a lead became one, and how many leads did: whoever is given back may stir once more.
    pub mqls: u64,
    pub mql_leads: u64,
    pub hand_offs: u64,
    pub accepted: u64,
    pub returned: u64,
    pub calls: u64,
    pub meetings: u64,
    pub sqls: u64,
    pub deals_opened: u64,
    pub deals_won: u64,
    pub deals_lost: u64,
    /// In EUR.
    pub amount_won: u64,
}

impl Counts {
    pub fn add(&mut self, act: &Act) {
        let count = match act {
            Act::Open { .. } => &mut self.opens,
            Act::Click { .. } => &mut self.clicks,
            Act::Answer { .. } => &mut self.answers,
            Act::Later { .. } => &mut self.later,
            Act::Preferences { .. } => &mut self.preferences,
            Act::Unsubscribe { .. } => &mut self.unsubscribed,
            Act::WriteBack => &mut self.replies,
            Act::Visit { .. } => &mut self.visits,
            Act::Submit { .. } => &mut self.forms,
            Act::Press { word: "accepted", .. } => &mut self.accepted,
            Act::Press { .. } => &mut self.returned,
            Act::Call => &mut self.calls,
            Act::Meet => &mut self.meetings,
            Act::Qualify(_) => return,
            Act::Deal(deal) => match deal.won {
                None => &mut self.deals_opened,
                Some(true) => {
                    self.amount_won += deal.amount;
                    &mut self.deals_won
                }
                Some(false) => &mut self.deals_lost,
            },
        };
        *count += 1;
    }
}
