//! A local Slack workspace: Web API, signed interactivity and commands, and a web page.
