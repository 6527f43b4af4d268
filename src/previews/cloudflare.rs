//! What Cloudflare's API says about the deployments of a Pages project. Pure: the answer comes in as JSON.
//! <https://developers.cloudflare.com/api/resources/pages/subresources/projects/subresources/deployments/methods/list/>

use serde::Deserialize;
use serde_json::Value;

use super::{Claim, Source, Values};

/// The claim about the newest deployment of the commit; the list is newest first. `Err` says why there is none.
pub fn claim(project: &str, answer: &Value, values: &Values) -> Result<Claim, String> {
    #[derive(Deserialize)]
    struct Answer {
        success: bool,
        #[serde(default)]
        errors: Vec<Problem>,
        result: Option<Vec<Deployment>>,
    }
    #[derive(Deserialize)]
    struct Problem {
        message: String,
    }
    #[derive(Deserialize)]
    struct Deployment {
        url: String,
        #[serde(default)]
        aliases: Option<Vec<String>>,
        deployment_trigger: Option<Trigger>,
    }
    #[derive(Deserialize)]
    struct Trigger {
        metadata: Option<Metadata>,
    }
    #[derive(Deserialize)]
    struct Metadata {
        commit_hash: Option<String>,
    }
    let answer: Answer = serde_json::from_value(answer.clone()).map_err(|_| "its answer is not understood")?;
    if !answer.success {
        let words = answer.errors.first().map_or("no reason given", |problem| problem.message.as_str());
        return Err(crate::text::visible(words).chars().take(200).collect());
    }
    let of_commit = |deployment: &Deployment| {
        let metadata = deployment.deployment_trigger.as_ref().and_then(|trigger| trigger.metadata.as_ref());
        metadata.and_then(|metadata| metadata.commit_hash.as_deref()).is_some_and(|hash| values.is_commit(hash))
    };
    let found = answer.result.unwrap_or_default().into_iter().find(of_commit);
    let deployment = found.ok_or_else(|| format!("it has no deployment of {}", values.sha))?;
    Ok(Claim {
        name: project.to_string(),
        url: deployment.url,
        alias: deployment.aliases.unwrap_or_default().into_iter().next(),
        commit: Some(values.sha.clone()),
        source: Source::Cloudflare,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_deployment_of_this_commit_is_found() {
        let values = Values::new(7, &"ab".repeat(20), "x", "");
        let deployment = |hash: &str, url: &str| json!({ "url": url, "aliases": null, "deployment_trigger": { "metadata": { "commit_hash": hash } } });
        let list = json!({ "success": true, "errors": [], "result": [
            deployment(&"cd".repeat(20), "https://1.x"), deployment(&"ab".repeat(20), "https://2.x"),
        ]});
        assert_eq!(claim("shop", &list, &values).unwrap().url, "https://2.x");
        let refused = json!({ "success": false, "errors": [{ "code": 10000, "message": "Authentication error" }] });
        assert_eq!(claim("shop", &refused, &values).unwrap_err(), "Authentication error");
        assert!(claim("shop", &json!([]), &values).is_err());
    }
}
