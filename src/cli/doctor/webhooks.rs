//! The targets of webhooks: whether a call could be made. Nobody is called.

use super::{Checkup, WITHIN, is_the_services};
use crate::{config::Config, engine::calling::may_be_called};

pub(super) async fn look(checkup: &mut Checkup, config: &Config) {
    for target in &config.webhooks {
        let name = &target.name;
        match target.secret() {
            Ok(_) => {}
            Err(error) if is_the_services(&error) => {
                let advice = "run this within the unit to look at it";
                checkup.warning("webhook", format!("{name}: {error}"), advice);
            }
            Err(error) => {
                let advice = "its calls wait: mend secret_file of [webhook.NAME]";
                checkup.failed("webhook", format!("{name}: {error}"), advice);
                continue;
            }
        }
        let host = target.url.host_str().unwrap_or_default();
        match tokio::time::timeout(WITHIN, may_be_called(target, &config.egress)).await {
            Ok(Ok(())) => {
                let found = format!("{name}: {host} may be called; it was not");
                checkup.ok("webhook", found);
            }
            Ok(Err(why)) => {
                let advice = "its calls wait: mend url of [webhook.NAME], or name the address in [egress] allow";
                checkup.failed("webhook", format!("{name}: {why}"), advice);
            }
            Err(_) => {
                let found = format!("{name}: {host} could not be looked up in time");
                checkup.warning("webhook", found, "look at the resolver of this machine");
            }
        }
    }
}
