"""web.archive.org and archive.org over HTTP: which endpoint a request means, saving, and the status of jobs."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

from monitor.demo.archive_org import Archive
from monitor.demo.archive_records import Accepted, Capture
from monitor.demo.archive_views import ArchiveViews, target_of
from monitor.demo.reply import HTML, Reply, json_reply, page, redirect
from monitor.demo.trouble import Trouble
from monitor.demo.wire import Asked

_MESSAGES = {
    "error:user-session-limit": "You have already reached the limit of active Save Page Now sessions."
    " Please wait for a minute and then try again.",
    "error:too-many-daily-captures": "This URL has been already captured 5 times today. Please try again tomorrow.",
    "error:max-daily-captures": "You have already reached your daily Save Page Now captures limit.",
    "error:invalid-url-syntax": "This URL syntax is not valid.",
    "error:blocked-url": "This URL is in the Save Page Now service block list and cannot be captured.",
}
_PREFIXES = (
    ("/save/", "save_get"),
    ("/cdx/search", "cdx"),
    ("/wayback/available", "available"),
    ("/web/http:", "lookup"),
    ("/web/https:", "lookup"),
    ("/web/", "playback"),
)


class ArchiveHttp:
    """Answers requests to the acted archive.org."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._views = ArchiveViews(archive)

    async def answer(self, asked: Asked) -> Reply:
        """The answer to a request, or the trouble that the script has for it."""
        parts = urlsplit(asked.visit.url)
        endpoint = _endpoint(asked.visit.method, parts.path)
        trouble = self._archive.script.next_trouble(endpoint, asked.visit.now)
        if trouble:
            await asyncio.sleep(trouble.delay_s)
            if not trouble.after:
                return self._troubled(asked, endpoint, trouble)
        match endpoint:
            case "submit":
                return self._submit(asked)
            case "save_get":
                return self._save_get(asked)
            case "status" | "user" | "system":
                return self._status(asked, endpoint, parts.path)
            case "cdx":
                return self._views.cdx(asked, parts.query)
            case "available":
                return self._views.available(parts.query)
            case "lookup":
                return self._views.lookup(asked)
            case "playback":
                return self._views.playback(asked)
        html = "<html><head><title>Wayback Machine</title></head></html>"
        return page(html, status=200 if parts.path in {"", "/"} else 404)

    def _troubled(self, asked: Asked, endpoint: str, trouble: Trouble) -> Reply:
        body = trouble.body
        if endpoint in {"submit", "save_get"}:
            form = _form(asked)
            url = form.get("url", "") if endpoint == "submit" else target_of(asked, "save/")
            if trouble.saves:
                self._archive.save_quietly(url, form)
            elif trouble.job:
                accepted = self._archive.submit(url, form, late_by=trouble.late_by)
                if isinstance(accepted, Accepted):
                    body = json.dumps(
                        {"url": url, "job_id": accepted.job.job_id, **json.loads(body)}
                    ).encode()
            else:
                self._archive.refuse(url, form, trouble.name, anonymous=endpoint == "save_get")
        return Reply(
            status=trouble.status, headers=trouble.headers, parts=(body,), manner=trouble.manner, zipped=False
        )

    def _is_known(self, asked: Asked) -> bool:
        return (
            asked.visit.headers.get("authorization")
            == f"LOW {self._archive.access_key}:{self._archive.secret_key}"
        )

    def _submit(self, asked: Asked) -> Reply:
        form = _form(asked)
        url = form.get("url", "")
        if not self._is_known(asked):
            self._archive.refuse(url, form, "401", anonymous=True)
            return _unauthorized()
        answer = self._archive.submit(url, form)
        if isinstance(answer, str):
            return _refused(answer)
        data = {"url": url, "job_id": answer.job.job_id}
        if answer.again:
            minutes = (asked.visit.now - answer.job.submitted) // timedelta(minutes=1)
            data["message"] = (
                f"The same snapshot had been made {minutes} minutes ago."
                " You can make new capture of this URL after 1 hour."
            )
        return json_reply(json.dumps(data))

    def _save_get(self, asked: Asked) -> Reply:
        url = target_of(asked, "save/")
        if self._archive.enforces and self._archive.minute_is_full(asked.visit.now, anonymous=True):
            self._archive.refuse(url, {}, "429", anonymous=True)
            return _refused("429")
        answer = self._archive.save_now(url)
        if isinstance(answer, Capture):
            return redirect(f"{asked.origin}/web/{answer.timestamp}/{answer.url}")
        return page(f"<html><body><h2>Sorry</h2><p>{answer}</p></body></html>", status=520)

    def _status(self, asked: Asked, endpoint: str, path: str) -> Reply:
        if endpoint == "system":
            text = "Save Page Now servers are temporarily overloaded." if self._archive.overloaded else "ok"
            status = 502 if self._archive.overloaded else 200
            return json_reply(json.dumps({"status": text, "recent_captures": 1250}), status)
        if not self._is_known(asked):
            return _unauthorized()
        if endpoint == "user":
            return json_reply(json.dumps(self._archive.user_status()))
        if asked.visit.method == "POST":
            wanted = _form(asked).get("job_ids", "").split(",")
            return json_reply(json.dumps([self._job(job_id.strip()) for job_id in wanted]))
        return json_reply(json.dumps(self._job(path.rpartition("/")[2])))

    def _job(self, job_id: str) -> dict[str, object]:
        job = self._archive.job(job_id)
        if job is None or not job.done:
            return {"status": "pending", "job_id": job_id, "resources": []}
        if job.capture is None:
            message = job.message or f"The capture failed: {job.code}."
            failed: dict[str, object] = {"status": "error", "job_id": job_id, "message": message}
            return {**failed, "status_ext": job.code} if job.code else failed
        return {
            "status": "success",
            "job_id": job_id,
            "timestamp": job.capture.timestamp,
            "original_url": job.capture.url,
            "http_status": job.capture.status,
            "duration_sec": (job.due - job.submitted).total_seconds(),
            "resources": [job.capture.url],
            "outlinks": [],
        }


def _endpoint(method: str, path: str) -> str:
    """One of :data:`monitor.demo.trouble.ENDPOINTS`, or nothing."""
    if path.rstrip("/") == "/save":
        return "submit" if method == "POST" else ""
    if path == "/save/status" or path.startswith("/save/status/"):
        rest = path.removeprefix("/save/status").strip("/")
        return rest if rest in {"user", "system"} else "status"
    return next((endpoint for prefix, endpoint in _PREFIXES if path.startswith(prefix)), "")


def _form(asked: Asked) -> dict[str, str]:
    return dict(parse_qsl(asked.body.decode("utf-8", "replace"), keep_blank_values=True))


def _unauthorized() -> Reply:
    return json_reply(json.dumps({"message": "You need to be logged in to use Save Page Now."}), 401)


def _refused(why: str) -> Reply:
    if why == "429":
        return Reply(
            status=429, headers=(HTML,), parts=(b"<html><body><h1>429 Too Many Requests</h1></body></html>",)
        )
    return json_reply(json.dumps({"status": "error", "status_ext": why, "message": _MESSAGES[why]}))
