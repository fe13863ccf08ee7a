//! What a reader needs to know about the run.

use maud::{Markup, html};

/// How to read the page.
pub(super) fn how_to_read() -> Markup {
    html! {
        section {
            h2 { "How to read it" }
            p {
                "An outage begins with the first request that got no answer and ends with the next one that did. After a kill it has three parts: "
                "EC2 tells EventBridge (about a second), the function decides and calls (milliseconds), and the data plane follows the new "
                "association (three to six seconds, the floor for anything that moves an Elastic IP). A failing status check has a "
                "part before these: nobody knows until the check has failed and its alarm has been raised."
            }
            p {
                "Where the holder leaves with notice, the address moves first and the instance goes afterwards: the function holds "
                "the terminate hook until the data plane has followed, so no request is lost. A replacement that comes up beside a healthy holder moves nothing."
            }
        }
    }
}

/// What is real here, and what is not.
pub(super) fn what_is_simulated() -> Markup {
    html! {
        section {
            h2 { "What is real and what is simulated" }
            dl.real {
                dt { "Real" }
                dd {
                    "The functions' binaries and their SDK calls, deployment-recovery's waits of twenty seconds among them; the template, deployed by " code { "sam deploy" } " to a local endpoint as it is, "
                    "but for what that endpoint does not know; its rules, which choose the events; the panda's journal and deployment-recovery's book of cases, tables at that endpoint, and their mails, "
                    "from topics there; the web servers, the connections and the requests, all on this machine."
                }
                dt { "Simulated" }
                dd {
                    "EC2, EC2 Auto Scaling, CodePipeline, CodeDeploy and Systems Manager: a state machine. Events, calls and the data plane keep AWS's pace (packets follow an association "
                    "after three to six seconds). Boots, status checks and health checks take seconds instead of minutes, and the spot notice "
                    "comes 12 s ahead instead of 120, so that the run fits into minutes; the simulated columns above use AWS's own pace throughout. "
                    "The Elastic IP is a loopback listener that forwards to whoever the simulated data plane names. The panda is unleashed and has no schedule, so "
                    "that it strikes when it is told to, servers may be hit at any age, and a fleet has 120 s to heal, as boots are short."
                }
                dd {
                    "CodeDeploy gives up on a silent agent after " strong { "12 s, on AWS after 5 minutes" } "; the steps of a deployment take less than a second, "
                    "on AWS a few; and an agent asks for work within half a second. The restart of an agent is not shortened: it is watched for twenty seconds. "
                    "What the scripts of the two documents do is simulated; they are tested by themselves."
                }
                dt { "Only an account can tell" }
                dd { "The true settle time, event delays on a bad day, and how soon Auto Scaling notices a dead instance." }
            }
        }
    }
}
